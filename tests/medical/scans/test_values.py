"""Numbers keep their meaning, and whole ones stay whole."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.scans.values import check_size, finite, rescaled, whole_numbers


@given(
    st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32]),
    st.sampled_from([1, 2, -1, 20000]),
    st.sampled_from([0, -1024, 40000]),
    st.integers(0, 99),
)
def test_whole_numbers_stay_exact(dtype: Any, slope: int, intercept: int, seed: int) -> None:
    limits = np.iinfo(dtype)
    values = np.random.default_rng(seed).integers(limits.min, limits.max, 20, dtype, endpoint=True)

    result = rescaled(values, slope, intercept)

    assert result.dtype.kind in "ui"
    assert result.tolist() == [value * slope + intercept for value in values.tolist()]


def test_hounsfield_units_have_sixteen_bits() -> None:
    assert rescaled(np.array([0, 4095], np.uint16), 1, -1024).dtype == np.int16


@pytest.mark.parametrize("dtype", [">i2", "<i2", ">u2", "u1"])
def test_what_needs_no_scaling_is_as_in_the_file_but_for_the_byte_order(dtype: str) -> None:
    values = np.array([1, 2, 100], dtype)

    result = rescaled(values, 1, 0)

    assert result.tolist() == [1, 2, 100]
    assert result.dtype == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64, ">f4"])
def test_fractions_become_float32(dtype: Any) -> None:
    result = rescaled(np.array([0, 1, 10], dtype), 0.1, -0.5)

    assert result.dtype == np.float32
    assert result == pytest.approx([-0.5, -0.4, 0.5])


def test_what_is_no_number_becomes_the_lowest_number() -> None:
    values = np.array([np.nan, -3, np.inf, 7, -np.inf], np.float32)

    assert finite(values).tolist() == [-3, -3, -3, 7, -3]
    with pytest.raises(ValueError, match="NaN"):
        finite(np.full(3, np.nan))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0.0, 1.00001, 2.0], np.uint8),
        ([0, 300], np.uint16),
        ([-1, 5], np.int16),
        ([0, 100_000], np.int32),
    ],
)
def test_labels_take_the_smallest_type(values: Any, dtype: Any) -> None:
    result = whole_numbers(np.array(values))

    assert result.dtype == dtype
    assert result.tolist() == [round(value) for value in values]


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e30])
def test_a_mask_with_other_numbers_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="1 voxels here have others, such as"):
        whole_numbers(np.array([0, 1, value]))


@pytest.mark.parametrize(
    ("shape", "refused"),
    [
        ((1, 1000, 1000), False),
        ((10, 1000, 1000), False),
        ((11, 1000, 1000), True),
        ((1, 1001, 1000), True),
        ((3, 0, 4), True),
        ((32767,) * 3, True),
    ],
)
def test_sizes_are_capped_before_there_is_room_for_them(shape: Any, *, refused: bool) -> None:
    if not refused:
        return check_size(shape, 1.0)
    with pytest.raises(ValueError, match=" x "):
        check_size(shape, 1.0)
    return None
