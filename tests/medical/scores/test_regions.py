"""Regions are what a walk over neighbours reaches; boxes hold all of a mask and no more."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given

from medical.scores.regions import Mask, bounding_box, find_regions
from tests.medical.scores.pairs import Labels, pairs


def walked(mask: Mask) -> list[set[tuple[int, ...]]]:
    """The voxels of each region, found one by one."""
    left = {tuple(place) for place in np.argwhere(mask).tolist()}
    regions = []
    while left:
        todo = [left.pop()]
        region = {*todo}
        while todo:
            here = todo.pop()
            around = {
                tuple(a + b for a, b in zip(here, step, strict=True))
                for step in product((-1, 0, 1), repeat=mask.ndim)
            }
            todo += around & left
            region |= around & left
            left -= around
        regions.append(region)
    return regions


@given(pairs())
def test_regions_are_what_a_walk_reaches(pair: tuple[Labels, Labels]) -> None:
    mask = pair[0] == 1
    regions = find_regions(mask)

    found = [
        {tuple(place) for place in np.argwhere(regions.labels == number).tolist()}
        for number in range(1, len(regions) + 1)
    ]
    assert sorted(map(sorted, found)) == sorted(map(sorted, walked(mask)))
    assert regions.sizes.tolist() == [*map(len, found)]
    assert [bounding_box(regions.labels == n + 1) for n in range(len(regions))] == regions.boxes


@pytest.mark.parametrize("shape", [(3, 3), (1, 3, 3), (3, 3, 3)])
def test_voxels_that_share_a_corner_are_connected(shape: tuple[int, ...]) -> None:
    mask = np.zeros(shape, np.bool_)
    mask[(0,) * len(shape)] = mask[tuple(min(1, edge - 1) for edge in shape)] = True

    assert len(find_regions(mask)) == 1


@given(pairs())
def test_a_box_holds_all_of_a_mask_and_touches_it_on_every_side(
    pair: tuple[Labels, Labels],
) -> None:
    mask = pair[0] == 2
    box = bounding_box(mask)

    if box is None:
        assert not mask.any()
        return
    assert mask[box].sum() == mask.sum()
    assert all(
        np.take(mask[box], side, axis).any() for axis in range(mask.ndim) for side in (0, -1)
    )


def test_an_empty_mask_has_no_regions() -> None:
    regions = find_regions(np.zeros((2, 3, 4), np.bool_))

    assert (len(regions), regions.boxes) == (0, [])
