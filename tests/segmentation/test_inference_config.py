"""Settings of inference that make no sense are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from segmentation.inference_config import InferenceConfig


def test_the_default_is_the_whole_image_once() -> None:
    config = InferenceConfig()

    assert (config.mode, config.flips, config.scales) == ("whole", (), (1.0,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "tiles"},
        {"window": (0, 512)},
        {"window": (512,)},
        {"overlap": 1.0},
        {"overlap": -0.1},
        {"blend": "linear"},
        {"windows_per_batch": 0},
        {"flips": ("diagonal",)},
        {"scales": ()},
        {"scales": (0.0,)},
        {"tiles": True},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        InferenceConfig(**wrong)
