"""Saved settings are complete, and there is nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest

from medical.scans.saved import checked_keys


@dataclass
class Pair:
    """Two settings."""

    left: int
    right: int


def test_all_keys_are_well() -> None:
    checked_keys(Pair, {"right": 2, "left": 1})


@pytest.mark.parametrize(
    "saved", [{}, {"left": 1}, {"left": 1, "right": 2, "more": 3}, ["left", "right"], None]
)
def test_others_are_told_with_what_was_expected(saved: Any) -> None:
    with pytest.raises(ValueError, match=r"expected Pair with left, right, got .*another version"):
        checked_keys(Pair, saved)
