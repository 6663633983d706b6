"""Narrow floats are widened, wide ones left alone."""

import pytest
import torch

from lumbar.ops.precision import at_least_float32


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
