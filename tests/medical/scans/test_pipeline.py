"""However a scan is cut up, mirrored and batched, the probabilities are those of its pixels."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray

from medical.scans.pipeline import probabilities
from medical.scans.preprocess import prepared
from tests.medical.scans.made_up import (
    CLASSES,
    constant,
    lopsided,
    of_pixels,
    pointwise,
    settings,
    volume,
)

ALL = ("horizontal", "vertical", "both")
edges = st.integers(1, 60)


@examples(max_examples=40)
@given(
    st.integers(1, 3),
    edges,
    edges,
    st.integers(1, 40),
    st.floats(0, 0.9),
    st.sampled_from([(), ("horizontal",), ALL]),
    st.sampled_from([1.0, 0.6, 2.3]),
)
def test_a_constant_network_gives_its_constant(
    depth: int, height: int, width: int, tile: int, overlap: float, flips: Any, zoom: float
) -> None:
    scan = volume(depth, height, width, 1)
    preprocess = settings(tile=(tile, tile), overlap=overlap, flips=flips, zoom=zoom)

    maps = probabilities(scan, preprocess, constant(0.1, 0.7, 0.2))

    assert maps.shape == (3, depth, height, width)
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(
        maps,
        np.broadcast_to(np.array([0.1, 0.7, 0.2], np.float32)[:, None, None, None], maps.shape),
    )


@examples(max_examples=40)
@given(edges, edges, st.integers(1, 40), st.floats(0, 0.8), st.integers(1, 9))
def test_a_network_of_pixels_gives_what_it_gives_at_once(
    height: int, width: int, tile: int, overlap: float, batch: int
) -> None:
    scan = volume(2, height, width, 1)
    preprocess = settings(tile=(tile, tile + 5), overlap=overlap, flips=ALL)

    maps = probabilities(scan, preprocess, pointwise, batch=batch)

    at_once = pointwise(prepared(scan, preprocess).transpose(0, 3, 1, 2)).swapaxes(0, 1)
    np.testing.assert_allclose(maps, at_once, rtol=0, atol=1e-6)


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("zoom", [1.0, 1.4, 0.7])
@pytest.mark.parametrize("tile", [24, 64])
def test_a_mirrored_scan_gets_the_mirrored_result(axis: int, zoom: float, tile: int) -> None:
    """Whatever the network does at borders, and however the last tile lies."""
    scan = volume(2, 45, 39, 1)
    preprocess = settings(flips=ALL, zoom=zoom, tile=(tile, tile))

    mirrored = probabilities(of_pixels(np.flip(scan.pixels, axis - 1)), preprocess, lopsided)

    np.testing.assert_allclose(
        np.flip(mirrored, axis), probabilities(scan, preprocess, lopsided), rtol=0, atol=1e-6
    )


def test_without_flips_a_lopsided_network_is_lopsided() -> None:
    scan = volume(1, 45, 39, 1)

    mirrored = probabilities(of_pixels(scan.pixels[:, :, ::-1]), settings(), lopsided)

    assert np.abs(mirrored[..., ::-1] - probabilities(scan, settings(), lopsided)).max() > 0.01


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_batches_change_nothing(batch: int) -> None:
    scan, preprocess = volume(3, 50, 41, 2), settings(channels=2, slices=3, flips=("horizontal",))

    np.testing.assert_array_equal(
        probabilities(scan, preprocess, lopsided, batch=batch),
        probabilities(scan, preprocess, lopsided, batch=2),
    )


def test_probabilities_add_up() -> None:
    maps = probabilities(volume(2, 50, 41, 1), settings(zoom=1.7, flips=ALL), lopsided)

    np.testing.assert_allclose(maps.sum(0), 1, atol=1e-6)


def test_the_network_sees_slices_with_their_neighbours() -> None:
    """Its tiles have one shape, and are filled up with zeros below and beside the slice."""
    scan = volume(4, 20, 21, 2)
    seen: list[NDArray[np.float32]] = []

    def network(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(canvas)
        return constant(1, 0)(canvas)

    probabilities(scan, settings(channels=2, slices=3, tile=(256, 256)), network, batch=3)

    assert [canvas.shape for canvas in seen] == [(3, 6, 24, 24), (1, 6, 24, 24)]
    third = seen[0][2]
    wanted = scan.pixels[1:4].transpose(0, 3, 1, 2).reshape(6, 20, 21)
    np.testing.assert_array_equal(third[:, :20, :21], wanted)
    assert third.sum() == wanted.sum()
    np.testing.assert_array_equal(seen[1][0, 4:, :20, :21], wanted[4:])  # the last one twice


def test_maps_of_one_slice_are_kept_at_a_time() -> None:
    """The network is asked for the next slice only after the one before was joined."""
    scan, asked = volume(40, 24, 24, 1), 0

    def network(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal asked
        asked = max(asked, len(canvas))
        return constant(0.5, 0.5)(canvas)

    probabilities(scan, settings(), network, batch=4)

    assert asked == 4


def test_a_scan_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 channels"):
        probabilities(volume(1, 8, 8, 2), settings(), pointwise)


def test_classes_are_those_of_the_network() -> None:
    assert len(probabilities(volume(1, 8, 8, 1), settings(), pointwise)) == CLASSES
