"""A slice lies in the middle of its neighbours, and the ends of a scan are repeated."""

import numpy as np
import pytest

from medical.scans.neighbours import stack

SCAN = np.arange(4 * 2 * 3 * 2, dtype=np.float32).reshape(4, 2, 3, 2)


def test_channels_are_those_of_one_slice_after_the_other() -> None:
    stacked = stack(SCAN, 2, 3)

    assert stacked.shape == (2, 3, 6)
    np.testing.assert_array_equal(stacked, np.concatenate([SCAN[1], SCAN[2], SCAN[3]], -1))


@pytest.mark.parametrize(("index", "places"), [(0, [0, 0, 0, 1, 2]), (3, [1, 2, 3, 3, 3])])
def test_outermost_slices_are_repeated(index: int, places: list[int]) -> None:
    np.testing.assert_array_equal(
        stack(SCAN, index, 5), np.concatenate([SCAN[place] for place in places], -1)
    )


def test_one_slice_is_itself() -> None:
    np.testing.assert_array_equal(stack(SCAN, 1, 1), SCAN[1])


def test_a_picture_is_its_own_neighbour() -> None:
    np.testing.assert_array_equal(stack(SCAN[:1], 0, 3), np.concatenate([SCAN[0]] * 3, -1))
