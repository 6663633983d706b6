"""Weights and images that the commands are given."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.classification.small_classifier import write_classifier
from tests.commands.tiny_models import write_detector, write_segmenter


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detector(tmp_path_factory.mktemp("det") / "model.safetensors")


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_segmenter(tmp_path_factory.mktemp("seg") / "model.safetensors")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("cls") / "model.safetensors")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Noise of 70 x 90 pixels."""
    pixels = np.random.default_rng(0).integers(256, size=(70, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"
