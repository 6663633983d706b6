"""Whole segmenters of other zoos, made to mean the same here."""

from typing import NamedTuple

import torch

from backbones.catalogue import ARCHS
from backbones.files import WeightsFile
from backbones.pixels import PixelNorm
from backbones.zoo import Style, find_layout
from backbones.zoo_body import apply_style, find_arch, find_style
from backbones.zoo_translation import Translation
from lumbar.data.pixel_classes import PixelClasses
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.zoo import (
    BODY,
    BODY_OF_PYRAMID,
    LATERALS,
    MMSEGMENTATION_FCN,
    OUTPUTS,
    SEGMENTERS,
    SMP,
)
from segmentation.zoo_classes import zoo_classes
from segmentation.zoo_config import LAST_LAYERS, find_config, head_of
from segmentation.zoo_recipe import stated_pixels
from segmentation.zoo_text import part, read_recipe


class ZooSegmenter(NamedTuple):
    """A segmenter at rest, and how it came here."""

    config: SegmentationConfig
    """The settings under which it means what it meant there."""
    classes: PixelClasses
    """What its labels mean."""
    translation: Translation
    """Its tensors."""


def translate_segmenter(file: WeightsFile, source: str, style: Style | None = None) -> ZooSegmenter:
    """Turns a fully convolutional network of another zoo into ours.

    Args:
        file: Its tensors under the zoo's names.
        source: Where they come from, for messages.
        style: What no name shows; None takes it from the file, or what is usual in the zoo.

    Raises:
        ValueError: The layout is unknown, some tensor has no place in our network, or it computes something else.
    """
    layout = find_layout(file.state, SEGMENTERS, source)
    translation = Translation.of(file.state, layout, source)
    head = head_of(translation)
    prefix = BODY_OF_PYRAMID if head == "fpn" else BODY
    style, reason = find_style(file, layout, source, style)
    translation = apply_style(translation, style, reason, prefix=prefix)
    arch = find_arch(translation.state, style, source, prefix=prefix)
    if layout.zoo == SMP.zoo:
        translation = _with_outputs(translation)
    recipe, channels = read_recipe(file.notes), _channels(translation, prefix)
    model = part(recipe, "model")
    config = find_config(translation, arch=arch, in_channels=channels, model=model)
    if layout.zoo == MMSEGMENTATION_FCN.zoo:
        _check_dense(config, source)
        translation = translation.noted(_explained(config, stated=bool(model)))
    # The caffe style is folded into the weights already.
    stated = {} if style == "caffe" else recipe
    translation = _with_pixels(translation, stated_pixels(stated, channels, source))
    num_classes = len(translation.state[f"{LAST_LAYERS[head]}.weight"])
    classes = zoo_classes(num_classes, layout.zoo, file.notes)
    return ZooSegmenter(config, classes, _completed(translation, config, num_classes))


def _channels(translation: Translation, prefix: str) -> int:
    """Of the images; three where there is no first convolution, which is noticed later."""
    stems = (
        translation.state.get(f"{prefix}{name}") for name in ("conv1.weight", "conv1.0.weight")
    )
    return next((stem.shape[1] for stem in stems if stem is not None and stem.ndim == 4), 3)


def _with_outputs(translation: Translation) -> Translation:
    """A pyramid without convolutions behind it, as one whose convolutions pass on what they get."""
    channels = len(translation.state[f"{LATERALS}.0.0.weight"])
    identity = torch.zeros(channels, channels, 3, 3)
    identity[:, :, 1, 1] = torch.eye(channels)
    return translation.changed(
        "added, convolutions of the pyramid that change nothing",
        {f"{OUTPUTS}.{level}.0.weight": identity for level in range(4)}
        | {f"{OUTPUTS}.{level}.0.bias": torch.zeros(channels) for level in range(4)},
    )


def _check_dense(config: SegmentationConfig, source: str) -> None:
    backbone = config.model.backbone
    if backbone.output_stride != 32 and len(ARCHS[backbone.name].block.convs) == 2:
        raise ValueError(
            f"{source}: a {backbone.name} of output stride {backbone.output_stride} by MMSegmentation, which in such "
            "units spreads the first convolution alone; here both are spread, and the same weights would compute "
            "something else"
        )


def _explained(config: SegmentationConfig, *, stated: bool) -> str:
    model = config.model
    reason = (
        "as the file says" if stated else "as usual with MMSegmentation (the file does not say)"
    )
    return (
        f"output stride {model.backbone.output_stride}, dilation {model.head.dilation} in the head, "
        f"align_corners {model.head.align_corners}, {reason}"
    )


def _with_pixels(translation: Translation, pixels: PixelNorm) -> Translation:
    statistics = {f"pixels.{name}": value for name, value in pixels.state_dict().items()}
    mean, std = (" ".join(f"{v:g}" for v in values.tolist()) for values in statistics.values())
    return translation.changed(f"added, pixels are less {mean} and divided by {std}", statistics)


def _completed(
    translation: Translation, config: SegmentationConfig, num_classes: int
) -> Translation:
    task = TASKS[config.task]
    with torch.device("meta"):
        network = make_segmenter(config.model, num_classes, task=task, loss=CrossEntropy(task))
    name = f"FCN with {config.model.backbone.name}, head {config.model.head.name} and {num_classes} classes"
    return translation.completed(network.state_dict(), name)
