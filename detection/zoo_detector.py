"""Whole detectors of other zoos, made to mean the same here."""

from typing import NamedTuple

import torch

from backbones.files import WeightsFile
from backbones.pixels import PixelNorm
from backbones.zoo import Style, find_layout
from backbones.zoo_body import apply_style, find_arch, find_style
from backbones.zoo_translation import Translation
from detection.box_head import cells_first
from detection.build import make_detector
from detection.config import DetectionConfig
from detection.zoo import (
    BODY,
    BOX_HEAD,
    CLASS_ROWS,
    DETECTORS,
    LATERALS,
    PUBLISHED_DETECTORS,
    TORCHVISION,
)
from detection.zoo_classes import find_categories, put_background_last
from detection.zoo_config import LAST_LAYERS, find_config
from lumbar.data.categories import Categories

_FIRST_LAYERS = (f"{BOX_HEAD}.fc6.weight", f"{BOX_HEAD}.5.weight")


class ZooDetector(NamedTuple):
    """A detector at rest, and how it came here."""

    config: DetectionConfig
    """The settings under which it means what it meant there."""
    categories: Categories
    """Its classes."""
    translation: Translation
    """Its tensors."""


def translate_detector(file: WeightsFile, source: str, style: Style | None = None) -> ZooDetector:
    """Turns a Faster R-CNN of another zoo into ours.

    Args:
        file: Its tensors under the zoo's names.
        source: Where they come from, for messages.
        style: What no name shows; None takes it from the file, or what is usual in the zoo.

    Raises:
        ValueError: The layout is unknown, or some tensor has no place in our detector.
    """
    layout = find_layout(file.state, DETECTORS, source)
    translation = Translation.of(file.state, layout, source)
    _check_parts(translation)
    style, reason = find_style(file, layout, source, style)
    translation = apply_style(translation, style, reason, prefix=BODY)
    is_old = any(name != origin for name, origin in translation.origins.items())
    config = find_config(
        translation,
        arch=find_arch(translation.state, style, source, prefix=BODY),
        style=style,
        published=layout is TORCHVISION and (is_old or source in PUBLISHED_DETECTORS),
    )
    if layout is TORCHVISION:
        translation = put_background_last(translation)
    categories = find_categories(
        len(translation.state[f"{CLASS_ROWS}.bias"]) - 1, layout.zoo, file.notes
    )
    return ZooDetector(config, categories, _completed(translation, config, len(categories)))


def _completed(translation: Translation, config: DetectionConfig, num_classes: int) -> Translation:
    pixels = {f"pixels.{key}": value for key, value in PixelNorm.of_imagenet().state_dict().items()}
    translation = translation._replace(state=translation.state | pixels)
    with torch.device("meta"):
        expected = make_detector(config.model, num_classes).state_dict()
    network = f"Faster R-CNN with {config.model.backbone.name} and {num_classes} classes"
    translation = translation.completed(expected, network)
    channels = config.model.fpn.channels
    layers = {
        name: cells_first(value, channels)
        for name, value in translation.state.items()
        if name in _FIRST_LAYERS
    }
    return translation.changed("reordered, by cell before channel", layers)


def _check_parts(translation: Translation) -> None:
    """What settings are read off has to be there."""
    state = translation.state
    last = next((name for name in LAST_LAYERS.values() if name in state), LAST_LAYERS["two_fc"])
    classes = (f"{CLASS_ROWS}.weight", f"{CLASS_ROWS}.bias")
    for name in (f"{LATERALS}.0.0.weight", "rpn.head.conv.0.0.weight", last, *classes):
        if name not in state:
            raise ValueError(
                f"{translation.source}: names as by {translation.zoo}, but not a Faster R-CNN on a "
                f"feature pyramid, there is nothing for {name}"
            )
