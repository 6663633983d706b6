"""Presets are valid settings of their own."""

from typing import get_args

import pytest

from detection.config import DetectionConfig
from detection.presets import PRESETS


def test_every_choice_has_a_preset() -> None:
    choices = get_args(DetectionConfig.model_fields["preset"].annotation)

    assert set(choices) == PRESETS.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_settings(name: str) -> None:
    DetectionConfig.model_validate({"preset": name, **PRESETS[name]})


def test_lumbar_is_the_default_and_torchvision_differs_in_model_and_data() -> None:
    default = DetectionConfig()

    lumbar, torchvision = (DetectionConfig.model_validate(dict(PRESETS[n])) for n in PRESETS)

    assert lumbar == default
    assert torchvision.model.backbone == default.model.backbone
    assert torchvision.model.anchors != default.model.anchors
    assert torchvision.model.rpn != default.model.rpn
    assert torchvision.model.roi != default.model.roi
    assert torchvision.data.resize.rule == "torchvision"
    assert torchvision.optim.norm_weight_decay == pytest.approx(1e-4)
