"""Narrow floats are widened, wide ones left alone; limits are rounded down."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumbar.ops.precision import at_least_float32, round_down


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_dtype(given: torch.dtype, expected: torch.dtype) -> None:
    assert at_least_float32(torch.ones(2, dtype=given)).dtype == expected


def test_wide_values_are_not_copied() -> None:
    values = torch.ones(2)

    assert at_least_float32(values) is values


@given(st.floats(-1, 1))
def test_what_is_narrow_exceeds_a_limit_rounded_down_just_when_it_exceeds_the_limit(
    limit: float,
) -> None:
    nearest = torch.tensor(limit, dtype=torch.float32)
    around = torch.stack([nearest.nextafter(torch.tensor(side)) for side in (-2.0, 2.0)])
    narrow = torch.cat([around, nearest[None]])

    rounded = round_down(limit, torch.float32)

    assert torch.equal(narrow > rounded, narrow.double() > limit)
    assert rounded == torch.tensor(rounded, dtype=torch.float32).item()


def test_what_is_wide_is_compared_with_the_limit_itself() -> None:
    assert round_down(0.3, torch.float64) == 0.3
