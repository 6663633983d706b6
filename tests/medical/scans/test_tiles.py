"""Tiles cover a slice evenly, and blend into their weighted mean."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.scans.tiles import Tiles, gaussian, starts

edges = st.integers(1, 70)
sizes = st.tuples(edges, edges)


@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 50))
def test_windows_cover_an_edge_evenly(edge: int, window: int, stride: int) -> None:
    stride = min(stride, window)
    places = starts(edge, window, stride)
    last = max(0, edge - window)

    assert (places[0], places[-1]) == (0, last)
    steps = [after - before for before, after in pairwise(places)]
    assert all(0 < step <= stride for step in steps)
    assert max(steps, default=1) - min(steps, default=1) <= 1
    assert len(places) == -(-last // stride) + 1, "no more than needed"


@given(sizes, sizes, st.floats(0, 0.9), st.sampled_from([1, 8, 32]))
def test_cut_and_blended_a_slice_is_what_it_was(
    size: tuple[int, int], tile: tuple[int, int], overlap: float, multiple: int
) -> None:
    pixels = np.random.default_rng(0).random((2, *size), dtype=np.float32)
    tiles = Tiles.over(size, tile=tile, overlap=overlap, multiple=multiple)

    parts = [*tiles.cut(pixels)]

    assert {part.shape for part in parts} == {(2, *tiles.size)}
    assert {edge % multiple for edge in tiles.size} == {0}
    np.testing.assert_array_equal(tiles.blend(iter(parts)), pixels)


def test_small_slices_are_looked_at_as_a_whole() -> None:
    tiles = Tiles.over((35, 50), tile=(256, 40), overlap=0.5, multiple=32)

    assert tiles.size == (64, 64)
    assert tiles.corners == ((0, 0),)


def test_what_lies_beyond_a_slice_is_zero_and_is_cut_off() -> None:
    tiles = Tiles.over((35, 50), tile=(64, 64), overlap=0, multiple=32)

    (part,) = tiles.cut(np.ones((1, 35, 50), np.float32))

    assert part[0, :35, :50].all()
    assert part.sum() == 35 * 50
    np.testing.assert_array_equal(tiles.blend(iter([part])), np.ones((1, 35, 50)))


def test_a_blend_is_the_weighted_mean() -> None:
    size = (40, 70)
    tiles = Tiles.over(size, tile=(32, 32), overlap=0.5, multiple=8)
    parts = np.random.default_rng(0).random((len(tiles.corners), 3, 32, 32), dtype=np.float32)
    total, weights = np.zeros((3, *size)), np.zeros(size)
    for (top, left), part in zip(tiles.corners, parts, strict=True):
        total[:, top : top + 32, left : left + 32] += part * gaussian((32, 32))
        weights[top : top + 32, left : left + 32] += gaussian((32, 32))

    np.testing.assert_allclose(tiles.blend(iter(parts)), total / weights, atol=1e-6)


def test_a_blend_takes_no_more_than_its_own_tiles() -> None:
    tiles = Tiles.over((40, 70), tile=(32, 32), overlap=0.5, multiple=8)
    stream = iter(np.zeros((len(tiles.corners) + 1, 1, 32, 32), np.float32))

    tiles.blend(stream)

    assert len([*stream]) == 1


@given(sizes)
def test_the_middle_of_a_tile_counts_most_and_nothing_counts_nothing(
    window: tuple[int, int],
) -> None:
    weight = gaussian(window)

    assert weight.shape == window
    assert weight.min() > 0
    np.testing.assert_array_equal(weight, weight[::-1, ::-1])
    rows, columns = ((edge + 1) // 2 for edge in window)
    assert (np.diff(weight[:rows, :columns], axis=0) > 0).all()
    assert (np.diff(weight[:rows, :columns], axis=1) > 0).all()


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.89])
def test_tiles_share_at_least_what_was_asked_for(overlap: float) -> None:
    tiles = Tiles.over((500, 64), tile=(64, 64), overlap=overlap, multiple=32)

    tops = [top for top, _ in tiles.corners]
    assert all(after - before <= round(64 * (1 - overlap)) for before, after in pairwise(tops))
