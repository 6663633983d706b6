"""The contract itself: it must pass an honest backbone and fail every kind of liar."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from backbones.base import Backbone, FeatureSpec
from tests import contracts


class Honest(Backbone):
    """Two strided convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(3, 4, 3, 2, 1)
        self.coarse = nn.Conv2d(4, 5, 3, 2, 1)
        self.features = {"c1": FeatureSpec(4, 2), "c2": FeatureSpec(5, 4)}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        fine = self.fine(x)
        return {"c1": fine, "c2": self.coarse(fine)}


class MixesImages(Honest):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return super().forward(x - x.mean(dim=0))


class ChangesInput(Honest):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return super().forward(x.mul_(2))


class ForgetsParameter(Honest):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {
            name: y.detach() if name == "c1" else y * 0 for name, y in super().forward(x).items()
        }


class HidesState(Honest):
    gain: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gain", torch.ones(()), persistent=False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.gain = self.gain + 1
        return super().forward(x * self.gain)


def test_an_honest_backbone_passes() -> None:
    contracts.check_backbone(Honest())


@pytest.mark.parametrize(
    ("liar", "check"),
    [
        (MixesImages, contracts.check_images_apart),
        (ChangesInput, contracts.check_images_apart),
        (ForgetsParameter, contracts.check_gradients),
        (HidesState, contracts.check_round_trip),
    ],
)
def test_a_liar_is_found(liar: type[Honest], check: Callable[..., None]) -> None:
    check(Honest().double(), in_channels=3)
    with pytest.raises(AssertionError):
        check(liar().double(), in_channels=3)


@pytest.mark.parametrize(
    "features",
    [
        {"c1": FeatureSpec(4, 2)},
        {"c1": FeatureSpec(4, 2), "c3": FeatureSpec(5, 4)},
        {"c1": FeatureSpec(4, 2), "c2": FeatureSpec(6, 4)},
        {"c1": FeatureSpec(4, 2), "c2": FeatureSpec(5, 8)},
    ],
)
def test_a_wrong_declaration_is_found(features: dict[str, FeatureSpec]) -> None:
    backbone = Honest()
    backbone.features = features
    with pytest.raises(AssertionError):
        contracts.check_shapes(backbone.double(), in_channels=3)


def test_a_backbone_must_compute() -> None:
    with pytest.raises(NotImplementedError):
        Backbone()(torch.zeros(1, 3, 8, 8))
