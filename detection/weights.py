"""Whole detectors: files of Lumbar, and what is taken over from those of other zoos."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from backbones.files import State, WeightsFile, read_weights
from backbones.weights import LoadReport, fetch, load_into
from detection.build import make_detector
from detection.config import DetectionConfig, ModelConfig
from detection.faster_rcnn import FasterRCNN
from detection.zoo import BOX_ROWS, CLASS_ROWS, PUBLISHED_DETECTORS
from detection.zoo_detector import translate_detector
from lumbar.data.categories import Categories
from lumbar.tasks.weights import load_model, save_model, shared_rows, take_rows

_logger = logging.getLogger(__name__)


class DetectorWeights(NamedTuple):
    """A detector at rest."""

    state: dict[str, Tensor]
    """Parameters and buffers under Lumbar's names."""
    config: DetectionConfig
    """The settings it was made with."""
    categories: Categories
    """Its classes."""


def save_detector(path: Path, weights: DetectorWeights) -> None:
    """Writes a `.safetensors` file that holds weights, settings and class names.

    Args:
        path: The file.
        weights: The detector.
    """
    state, config, categories = weights
    save_model(
        path, state, config, arch=config.model.backbone.name, categories=categories.to_dict()
    )


def load_detector(source: str) -> DetectorWeights:
    """Reads a detector from wherever it comes.

    Args:
        source: A `.safetensors` file of Lumbar, a `.pth` file of torchvision, detectron2 or MMDetection, or
            `torchvision/fasterrcnn_resnet50_fpn` or its `_v2`, which are fetched once.

    Returns:
        Weights under Lumbar's names, with settings and classes.

    Raises:
        ValueError: If the source is missing or is not a detector.
    """
    if source in PUBLISHED_DETECTORS:
        state = fetch(PUBLISHED_DETECTORS[source], source, instead="give --weights FILE")
        return from_state(state, source)
    path = Path(source)
    if not path.is_file():
        raise ValueError(
            f"{source}: no such weights file; give a model.safetensors of a run folder, a .pth file of torchvision, "
            f"detectron2 or MMDetection, or {' or '.join(PUBLISHED_DETECTORS)}"
        )
    if path.suffix == ".safetensors":
        state, config, categories = load_model(
            path, DetectionConfig, what="detector", classes="categories"
        )
        return DetectorWeights(state, config, Categories.from_dict(categories))
    state, notes = read_weights(path)
    return from_state(state, source, notes)


def from_state(
    state: State, source: str, notes: Mapping[str, object] = MappingProxyType({})
) -> DetectorWeights:
    """Turns the state of another zoo's Faster R-CNN into ours.

    Args:
        state: Tensors of any shape by the zoo's names.
        source: Where they come from, for messages.
        notes: What stands beside them in the file.

    Raises:
        ValueError: If it is no such detector.
    """
    config, categories, translation = translate_detector(WeightsFile(state, notes), source)
    _logger.info("%s", translation)
    return DetectorWeights(translation.state, config, categories)


def remap_classes(weights: DetectorWeights, categories: Categories) -> dict[str, Tensor]:
    """Reorders the class rows for another set of classes, by name.

    Args:
        weights: The detector whose rows are taken over; its class logits are (K + 1, dim).
        categories: The new classes.

    Returns:
        The state with class rows for the new classes, or without them where no name agrees.
    """
    state = dict(weights.state)
    if weights.categories.names == categories.names:
        return state
    shared = shared_rows(weights.categories.names, categories.names)
    background = {len(categories): len(weights.categories)}
    for kind in ("weight", "bias"):
        classes = state.pop(f"{CLASS_ROWS}.{kind}")
        boxes = state.pop(f"{BOX_ROWS}.{kind}").unflatten(0, (-1, 4))
        if shared:
            taken = take_rows(classes, shared | background, len(categories) + 1)
            state[f"{CLASS_ROWS}.{kind}"] = taken
            taken = take_rows(boxes, shared, len(categories))
            state[f"{BOX_ROWS}.{kind}"] = taken.flatten(0, 1)
    return state


def load_for_training(config: ModelConfig, categories: Categories) -> tuple[FasterRCNN, LoadReport]:
    """Builds a detector and starts it from the weights of another one, `config.weights`.

    Args:
        config: Of the detector to be trained.
        categories: Its classes; class rows are taken over where the names agree.

    Returns:
        The detector with its stages frozen as the config says, and the report.

    Raises:
        ValueError: If the weights are missing or of another network.
    """
    weights = load_detector(config.weights)
    arch = weights.config.model.backbone.name
    if arch != config.backbone.name:
        raise ValueError(
            f"{config.weights}: a detector on {arch} does not fit model.backbone.name={config.backbone.name}; "
            f"set model.backbone.name={arch}"
        )
    model = make_detector(config, len(categories))
    state = remap_classes(weights, categories)
    rule = config.backbone.input_rule
    return model, load_into(model, state, source=config.weights, input_rule=rule)
