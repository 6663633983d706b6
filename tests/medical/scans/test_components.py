"""Pieces of a mask are counted as scipy counts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from medical.scans.components import count_components

edges = st.integers(1, 12)


@given(edges, edges, edges, st.floats(0, 1), st.integers(0, 99))
def test_noise_has_as_many_pieces_as_scipy_finds(
    depth: int, height: int, width: int, share: float, seed: int
) -> None:
    mask = np.random.default_rng(seed).random((depth, height, width)) < share

    assert count_components(mask) == ndimage.label(mask, np.ones((3, 3, 3)))[1]


@pytest.mark.parametrize("shape", [(1, 5, 6), (3, 1, 1)])
def test_nothing_has_no_pieces_and_everything_is_one(shape: tuple[int, ...]) -> None:
    assert count_components(np.zeros(shape, bool)) == 0
    assert count_components(np.ones(shape, bool)) == 1


def test_a_long_winding_piece_is_one() -> None:
    mask = np.zeros((1, 401, 400), bool)
    mask[0, ::2] = True
    mask[0, 1::4, -1] = mask[0, 3::4, 0] = True

    assert count_components(mask) == 1


def test_many_voxels_take_no_time() -> None:
    mask = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(40, 128, 128)), 1) > 0.1

    assert count_components(mask) == ndimage.label(mask, np.ones((3, 3, 3)))[1]
