"""Whole segmenters: files of Lumbar, and what is taken over from those of other zoos."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from backbones.files import State, WeightsFile, read_weights
from backbones.weights import LoadReport, fetch, load_into
from lumbar.data.pixel_classes import PixelClasses
from lumbar.tasks.weights import load_model, save_model, shared_rows, take_rows
from segmentation.build import Criterion, make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.fcn import FCN
from segmentation.labels import Task
from segmentation.model_config import ModelConfig
from segmentation.zoo import PUBLISHED_SEGMENTERS
from segmentation.zoo_segmenter import translate_segmenter

_logger = logging.getLogger(__name__)

_CLASS_ROWS = re.compile(r"(aux_)?classifier\.(4|conv_seg|scores\.c\d)\.(weight|bias)")
_PAIRS_OF_CLASSES = re.compile(r"classifier\.doubling\.c\d\.weight")


class SegmenterWeights(NamedTuple):
    """A segmenter at rest."""

    state: State
    """Parameters and buffers under Lumbar's names."""
    config: SegmentationConfig
    """The settings it was made with."""
    classes: PixelClasses
    """What its labels mean."""


def save_segmenter(path: Path, weights: SegmenterWeights) -> None:
    """Writes a `.safetensors` file that holds weights, settings and classes.

    Args:
        path: The file.
        weights: The segmenter.
    """
    state, config, classes = weights
    save_model(path, state, config, arch=config.model.backbone.name, classes=classes.to_dict())


def load_segmenter(source: str) -> SegmenterWeights:
    """Reads a segmenter from wherever it comes.

    Args:
        source: A `.safetensors` file of Lumbar, a `.pth` file of torchvision, MMSegmentation or
            segmentation-models-pytorch, or `torchvision/fcn_resnet50` or `torchvision/fcn_resnet101`, which are fetched
            once.

    Returns:
        Weights under Lumbar's names, with settings and classes.

    Raises:
        ValueError: The source is missing or is not a segmenter.
    """
    if source in PUBLISHED_SEGMENTERS:
        state = fetch(PUBLISHED_SEGMENTERS[source], source, instead="give --weights FILE")
        return from_state(state, source)
    path = Path(source)
    if not path.is_file():
        raise ValueError(
            f"{source}: no such weights file; give a model.safetensors of a run folder, a .pth file of torchvision, "
            f"MMSegmentation or segmentation-models-pytorch, or {' or '.join(PUBLISHED_SEGMENTERS)}"
        )
    state, notes = read_weights(path)
    if "lumbar" not in notes:
        return from_state(state, source, notes)
    state, config, classes = load_model(
        path, SegmentationConfig, what="segmenter", classes="classes"
    )
    return SegmenterWeights(state, config, PixelClasses.from_dict(classes))


def from_state(
    state: State, source: str, notes: Mapping[str, object] = MappingProxyType({})
) -> SegmenterWeights:
    """Turns the state of another zoo's segmenter into ours.

    Args:
        state: Tensors of any shape by the zoo's names.
        source: Where they come from, for messages.
        notes: What stands beside them in the file.

    Raises:
        ValueError: It is no such segmenter.
    """
    config, classes, translation = translate_segmenter(WeightsFile(state, notes), source)
    _logger.info("%s", translation)
    return SegmenterWeights(translation.state, config, classes)


def remap_classes(weights: SegmenterWeights, classes: PixelClasses) -> dict[str, Tensor]:
    """Reorders the class rows for another set of classes, by name.

    Args:
        weights: The segmenter whose rows are taken over; its class logits are (K, channels, 1, 1).
        classes: The new classes.

    Returns:
        The state with class rows for the new classes, those without a namesake zero, or without any where no name
        agrees; what mixes scores of classes is left out.
    """
    state = dict(weights.state)
    if weights.classes.names == classes.names:
        return state
    shared = shared_rows(weights.classes.names, classes.names)
    for name, rows in weights.state.items():
        is_row = _CLASS_ROWS.fullmatch(name)
        if is_row and shared:
            state[name] = take_rows(rows, shared, len(classes))
        elif is_row or _PAIRS_OF_CLASSES.fullmatch(name):
            del state[name]
    return state


def load_for_training(
    config: ModelConfig, classes: PixelClasses, *, task: Task, loss: Criterion
) -> tuple[FCN, LoadReport]:
    """Builds a segmenter and starts it from the weights of another one, `config.weights`.

    Args:
        config: Of the segmenter to be trained.
        classes: Its classes; class rows are taken over where the names agree.
        task: What logits and labels mean.
        loss: What is minimised.

    Returns:
        The segmenter with its stages frozen as the config says, and the report.

    Raises:
        ValueError: The weights are missing or of another network.
    """
    weights = load_segmenter(config.weights)
    theirs = weights.config.model
    for key, value, wanted in (
        ("model.backbone.name", theirs.backbone.name, config.backbone.name),
        ("model.head.name", theirs.head.name, config.head.name),
    ):
        if value != wanted:
            raise ValueError(
                f"{config.weights}: a segmenter with {key}={value} does not fit {key}={wanted}; set {key}={value}"
            )
    model = make_segmenter(config, len(classes), task=task, loss=loss)
    state = remap_classes(weights, classes)
    rule = config.backbone.input_rule
    return model, load_into(model, state, source=config.weights, input_rule=rule)
