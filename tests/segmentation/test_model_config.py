"""Settings that have no effect, or cannot work together, are refused with what to do instead."""

from typing import Any

import pytest

from lumbar.training.load import ConfigError, config_from_dict, config_to_dict
from segmentation.model_config import HeadConfig, ModelConfig

DENSE = {"output_stride": 8}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": {"channels": 64, "name": "fcn"}}, "channels 64 has no effect on the head fcn"),
        ({"head": {"dilation": 6}}, "dilation 6 has no effect .* set name to fcn or concat"),
        ({"head": {"levels": ["c5"]}}, "levels .* no effect on the head fpn.* name to skip"),
        ({"head": {"name": "skip", "dropout": 0.5}}, "dropout 0.5 has no effect on the head skip"),
        ({"backbone": DENSE}, "output_stride 8 .* set backbone.output_stride to 32, or head.name"),
        ({"backbone": DENSE, "head": {"name": "skip"}}, "no maps that halve, which the head skip"),
        ({"head": {"name": "fcn"}, "fpn": {"channels": 64}}, "fpn have no effect on the head fcn"),
        ({"aux": {"weight": 0.4}}, "aux.weight 0.4 .* the head fpn does not have"),
        ({"head": {"name": "unet"}}, "fpn.*fcn.*concat.*skip"),
        ({"backbone": {"output_stride": 4}}, "output_stride"),
        ({"head": {"name": "skip", "levels": []}}, "levels"),
        ({"head": {"dropout": 1.0}}, "dropout"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_from_dict(ModelConfig, settings)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"head": {"channels": 64, "dropout": 0.2, "align_corners": True, "norm": "sync"}},
        {"head": {"name": "fcn", "norm": "batch"}, "backbone": DENSE, "aux": {"weight": 0.5}},
        {"head": {"name": "concat", "dilation": 6}, "backbone": {"output_stride": 16}},
        {"head": {"name": "skip", "levels": ["c4", "c5"]}, "aux": {"weight": 0.4}},
    ],
)
def test_what_works_survives_its_own_writing(settings: dict[str, Any]) -> None:
    """Written out whole, with every default: what is checked is the value, not who gave it."""
    config = config_from_dict(ModelConfig, settings)
    assert config_from_dict(ModelConfig, config_to_dict(config)) == config


def test_the_pyramid_is_the_default() -> None:
    assert (ModelConfig().head.name, HeadConfig().norm, ModelConfig().aux.weight) == (
        "fpn",
        "group",
        0,
    )
