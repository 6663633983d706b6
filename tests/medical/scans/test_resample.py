"""Resizing is torch's, leaves constants alone, and keeps labels and pixels in the same places."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from medical.scans.resample import resize, resize_labels, taps

edges = st.integers(1, 60)
sizes = st.tuples(edges, edges)


@settings(max_examples=60)
@given(sizes, sizes, st.integers(1, 3))
def test_pixels_are_those_of_torch(
    before: tuple[int, int], after: tuple[int, int], depth: int
) -> None:
    scan = np.random.default_rng(0).random((depth, *before, 2), dtype=np.float32)
    theirs = F.interpolate(
        torch.from_numpy(scan).permute(0, 3, 1, 2),
        after,
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )

    np.testing.assert_allclose(resize(scan, after), theirs.permute(0, 2, 3, 1), rtol=0, atol=1e-5)


@given(sizes, sizes, st.floats(0, 255, width=32))
def test_what_is_constant_stays_what_it_is(
    before: tuple[int, int], after: tuple[int, int], value: float
) -> None:
    scan = np.full((1, *before), value, np.float32)

    assert (resize(scan, after) == np.float32(value)).all()


@given(sizes, sizes)
def test_a_mirrored_scan_becomes_the_mirrored_result(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    scan = np.random.default_rng(1).random((1, *before), dtype=np.float32)

    for axis in (1, 2):
        mirrored = np.flip(resize(np.flip(scan, axis), after), axis)
        np.testing.assert_allclose(mirrored, resize(scan, after), rtol=0, atol=1e-6)


@given(edges, edges)
def test_weights_add_up_and_their_centre_is_that_of_the_pixel(before: int, after: int) -> None:
    places, weights = taps(before, after)

    np.testing.assert_allclose(weights.sum(0), 1)
    scale = before / after
    centres = ((places + 0.5) * weights).sum(0)
    wanted = (np.arange(after) + 0.5) * scale
    inside = (wanted >= max(scale, 1)) & (wanted <= before - max(scale, 1))
    # A triangle over whole pixels is balanced where it begins with one, or is as wide as one.
    np.testing.assert_allclose(centres[inside], wanted[inside], atol=0 if scale <= 1 else 0.51)


def test_the_same_size_is_the_scan_itself() -> None:
    scan = np.zeros((2, 5, 7, 1), np.float32)

    assert resize(scan, (5, 7)) is scan
    assert resize_labels(scan, (5, 7)) is scan


@pytest.mark.parametrize("after", [(3, 4), (10, 14), (23, 5)])
def test_labels_are_those_under_the_centres(after: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).integers(5, size=(2, 5, 7), dtype=np.uint8)
    theirs = F.interpolate(torch.from_numpy(labels)[None], after, mode="nearest-exact")[0]

    np.testing.assert_array_equal(resize_labels(labels, after), theirs)


def test_labels_lie_on_the_pixels_that_they_are_of() -> None:
    scan = np.zeros((1, 64, 48), np.float32)
    scan[:, 20:40, 12:36] = 1

    for size in ((96, 100), (41, 30)):
        labels, pixels = resize_labels(scan.astype(np.uint8), size), resize(scan, size)
        assert (labels[pixels > 0.75] == 1).all()
        assert (labels[pixels < 0.25] == 0).all()
