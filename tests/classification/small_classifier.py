"""Classifiers for squares of 32 pixels: one in a file, and one of a small graph, because exporting takes its time."""

from pathlib import Path

import torch

from classification.build import make_network
from classification.classifier import Classifier
from classification.config import ClassificationConfig
from classification.weights import ClassifierWeights, save_classifier
from lumbar.training.load import config_from_dict
from tests.classification.made_up import pointwise_network

NAMES = ("cat", "dog", "emu", "fox", "gnu", "hen")
EDGE = 32


def small_classifier() -> Classifier:
    """Two convolutions with random weights, always the same; scores differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = pointwise_network(len(NAMES))
    with torch.no_grad():
        model.fc.weight.mul_(10)
    return Classifier(model, class_names=NAMES, config=_config())


def write_classifier(path: Path) -> Path:
    """Writes a thin network with random weights."""
    config = _config()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = make_network(config, len(NAMES)).state_dict()
    save_classifier(path, ClassifierWeights(state, config, NAMES))
    return path


def _config() -> ClassificationConfig:
    backbone = {"name": "cifar_resnet20", "width": 4, "weights": "none", "norm": "batch"}
    frame = {"test_resize": EDGE + 4, "test_size": EDGE}
    settings = {"model": {"backbone": {**backbone, "freeze": []}}, "data": {"frame": frame}}
    return config_from_dict(ClassificationConfig, settings)
