"""A network of arrays says what its segmenters say, and of several the mean."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumbar.data.pixel_classes import PixelClasses
from lumbar.ops.structures import Images
from lumbar.training.load import config_from_dict
from medical.learning.network import torch_network
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.segmenter import Segmenter
from segmentation.weights import SegmenterWeights, save_segmenter

CLASSES = PixelClasses.parse({"background": 0, "disc": 1})
CONFIG = config_from_dict(
    SegmentationConfig,
    {
        "model": {
            "backbone": {
                "name": "resnet18",
                "width": 16,
                "weights": "none",
                "norm": "batch",
                "freeze": [],
                "in_channels": 2,
            },
            "fpn": {"channels": 32},
            "head": {"channels": 32},
        }
    },
)
TASK = TASKS["multiclass"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    paths = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = make_segmenter(CONFIG.model, 2, task=TASK, loss=CrossEntropy(TASK))
        paths.append(tmp_path_factory.mktemp("weights") / f"{seed}.safetensors")
        save_segmenter(paths[-1], SegmenterWeights(model.state_dict(), CONFIG, CLASSES))
    return paths


def test_one_says_what_the_segmenter_says(weights: list[Path]) -> None:
    canvas = np.random.default_rng(0).uniform(0, 255, (3, 2, 32, 64)).astype(np.float32)
    found = torch_network(weights[:1])(canvas)
    sizes = torch.tensor([[32, 64]] * 3)
    images = Images(torch.from_numpy(canvas), sizes, sizes)
    expected = Segmenter.load(weights[0]).model.logits(images).softmax(1).numpy()

    assert found.dtype == np.float32
    assert found.shape == (3, 2, 32, 64)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


def test_of_several_the_mean_counts(weights: list[Path]) -> None:
    canvas = np.random.default_rng(1).uniform(0, 255, (2, 2, 32, 32)).astype(np.float32)
    single = [torch_network([path])(canvas) for path in weights]

    np.testing.assert_allclose(torch_network(weights)(canvas), np.mean(single, 0), atol=1e-6)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.safetensors: no such weights file"):
        torch_network([tmp_path / "nothing.safetensors"])
