"""A detector whose graph is small, because exporting takes its time for each operator."""

import torch
from torch import Tensor, nn

from backbones.base import Backbone, FeatureSpec
from backbones.pixels import PixelNorm
from detection.build import assemble
from detection.config import DetectionConfig
from detection.detector import Detector
from detection.presets import PRESETS
from lumbar.data.categories import Categories
from lumbar.training.load import config_from_dict
from tests.detection.parts import CHANNELS, spread, tiny_config

CATEGORIES = Categories(("cat", "dog", "cow"), (1, 5, 9))


class ThreeMaps(Backbone):
    """One convolution for each of p2, p3, p4."""

    def __init__(self) -> None:
        super().__init__()
        self.features = {f"p{level}": FeatureSpec(CHANNELS, 2**level) for level in (2, 3, 4)}
        self.convs = nn.ModuleList(
            (
                nn.Conv2d(3, CHANNELS, 5, stride=4, padding=2),
                nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1),
                nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1),
            )
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = {}
        for name, conv in zip(self.features, self.convs, strict=True):
            x = maps[name] = 3 * conv(x).relu()
        return maps


def small_detector(preset: str = "lumbar") -> Detector:
    """Random weights, always the same; finds 20 objects of 3 classes, or fewer, in images of 96 pixels."""
    sizes = {**PRESETS[preset].get("model", {}).get("anchors", {}), "sizes": (8.0, 16.0, 32.0)}
    resize = {"short": [96], "test_short": 96, "long": 160}
    data = {"resize": {**PRESETS[preset].get("data", {}).get("resize", {}), **resize}}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = assemble(
            tiny_config(preset, anchors=sizes),
            len(CATEGORIES),
            backbone=ThreeMaps(),
            pixels=PixelNorm.of_imagenet(),
        )
    settings = config_from_dict(DetectionConfig, {"data": data}).data
    with torch.no_grad():  # boxes of a tenth of the spread carry a tenth of its rounding
        spread(model).roi_heads.box_predictor.bbox_pred.weight.div_(10)
    return Detector(model, categories=CATEGORIES, data=settings)
