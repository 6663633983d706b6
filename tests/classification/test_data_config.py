"""Settings of the data that make no sense are refused with the way out."""

import pytest
from pydantic import ValidationError

from classification.data_config import FrameConfig, ImageDataConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"area": (0.5, 1.5)}, r"area \[0.5, 1.5\] must be \[low, high\] with 0 < low"),
        ({"aspect": (2.0, 1.0)}, r"aspect \[2.0, 1.0\]"),
        ({"test_size": 256, "test_resize": 224}, "test_size 256 does not fit into test_resize 224"),
    ],
)
def test_frames_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FrameConfig.model_validate(settings)


def test_frames_of_one_size_are_not_padded() -> None:
    assert ImageDataConfig().pad_multiple == 1
