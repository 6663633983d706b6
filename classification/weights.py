"""Whole classifiers as files of Lumbar, whose backbones detectors and segmenters can start from."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from backbones.files import State, WeightsFile, few, read_weights
from backbones.weights import LoadReport, fetch, load_into
from classification.build import make_network
from classification.config import ClassificationConfig
from classification.network import PooledNetwork
from classification.zoo import PUBLISHED_CLASSIFIERS, translate_classifier
from lumbar.tasks.weights import load_model, save_model, shared_rows, take_rows

_logger = logging.getLogger(__name__)

_CLASS_ROWS = ("fc.weight", "fc.bias")


class ClassifierWeights(NamedTuple):
    """A classifier at rest."""

    state: State
    """Parameters and buffers under Lumbar's names."""
    config: ClassificationConfig
    """The settings it was made with."""
    class_names: tuple[str, ...]
    """What its labels mean."""


def save_classifier(path: Path, weights: ClassifierWeights) -> None:
    """Writes a `.safetensors` file that holds weights, settings and class names.

    Args:
        path: The file.
        weights: The classifier.
    """
    state, config, class_names = weights
    save_model(
        path,
        state,
        config,
        arch=config.model.backbone.name,
        class_names={"names": [*class_names]},
    )


def load_classifier(source: str) -> ClassifierWeights:
    """Reads a classifier from wherever it comes.

    Args:
        source: A `model.safetensors` of Lumbar, a file of torchvision, timm or another zoo of residual networks, or
            a name of torchvision's, `torchvision/resnet50` or `torchvision/resnet50.v1`, which are fetched once.

    Returns:
        Weights under Lumbar's names, with settings and class names.

    Raises:
        ValueError: The source is missing or is not a classifier.
    """
    if source in PUBLISHED_CLASSIFIERS:
        state = fetch(PUBLISHED_CLASSIFIERS[source], source, instead="give --weights FILE")
        return from_zoo(WeightsFile(state, {}), source)
    path = Path(source)
    if not path.is_file():
        raise ValueError(
            f"{source}: no such weights file; give a model.safetensors of a run folder, a .pth file of torchvision or "
            f"timm, or {few(PUBLISHED_CLASSIFIERS)}"
        )
    file = read_weights(path)
    if "lumbar" not in file.notes:
        return from_zoo(file, source)
    state, config, classes = load_model(
        path, ClassificationConfig, what="classifier", classes="class_names"
    )
    return ClassifierWeights(state, config, tuple(classes["names"]))


def from_zoo(file: WeightsFile, source: str) -> ClassifierWeights:
    """Turns a classifier of another zoo into ours, and logs what became of its tensors.

    Args:
        file: Its tensors under the zoo's names.
        source: Where they come from, for messages.

    Raises:
        ValueError: It is no such classifier.
    """
    config, class_names, translation = translate_classifier(file, source)
    _logger.info("%s", translation)
    return ClassifierWeights(translation.state, config, class_names)


def remap_classes(weights: ClassifierWeights, class_names: Sequence[str]) -> dict[str, Tensor]:
    """Reorders the class rows for another set of classes, by name.

    Args:
        weights: The classifier whose rows (K, D) and (K,) are taken over.
        class_names: The new classes.

    Returns:
        The state with class rows for the new classes, those without a namesake zero, or without any where no name
        agrees.
    """
    state = dict(weights.state)
    if weights.class_names == tuple(class_names):
        return state
    shared = shared_rows(weights.class_names, class_names)
    for name in _CLASS_ROWS:
        rows = state.pop(name)
        if shared:
            state[name] = take_rows(rows, shared, len(class_names))
    return state


def load_for_training(
    config: ClassificationConfig, class_names: Sequence[str]
) -> tuple[PooledNetwork, LoadReport]:
    """Builds a classifier and starts it from the weights of another one, `config.model.weights`.

    Args:
        config: Of the classifier to be trained.
        class_names: Its classes; class rows are taken over where the names agree.

    Returns:
        The network with its stages frozen as the config says, and the report.

    Raises:
        ValueError: The weights are missing or of another network.
    """
    source, wanted = config.model.weights, config.model.backbone.name
    weights = load_classifier(source)
    found = weights.config.model.backbone.name
    if found != wanted:
        raise ValueError(
            f"{source}: a classifier with model.backbone.name={found} does not fit model.backbone.name={wanted}; set "
            f"model.backbone.name={found}"
        )
    network = make_network(config, len(class_names))
    state = remap_classes(weights, class_names)
    rule = config.model.backbone.input_rule
    return network, load_into(network, state, source=source, input_rule=rule)
