"""Patches hold what was drawn, image and labels move together, and everything follows from the key."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.pixel_classes import IGNORE
from medical.learning.augment import Augment, Motion
from medical.learning.lesion_sampler import LesionSampler
from medical.learning.patches import (
    PatchDataset,
    SliceTile,
    TileDataset,
    Window,
    cut,
    neighbours,
    place,
)
from medical.learning.store import CaseStore, store_cases
from medical.scans.intensity import Intensity
from medical.scans.preprocess import Flip, Preprocess
from medical.study.cases import find_study
from medical.study.config import MedicalAugmentConfig
from tests.medical.learning.discs import small_config, write_scans

PREPROCESS = Preprocess(Intensity("zscore"), "axial", None, 1.0, 3, 1, (32, 32), 0.25, ())
FLIPS: Sequence[Flip] = ("horizontal", "vertical")
motions = st.builds(
    Motion,
    scale=st.sampled_from([1.0, 0.7, 1.6]),
    angle=st.sampled_from([0.0, 0.4, -1.2]),
    flips=st.sampled_from([(), (-1,), (-2, -1)]),
)


@pytest.fixture
def store(tmp_path: Path) -> CaseStore:
    study = find_study(small_config(write_scans(tmp_path / "data", 3)))
    return store_cases(study.cases, PREPROCESS, study.classes)


def dataset(store: CaseStore, *, share: float = 1.0, seed: int = 0) -> PatchDataset:
    cases = [store[index] for index in range(len(store))]
    sampler = LesionSampler(
        [(4, 40, 56)] * len(cases), [case.lesions for case in cases], lesion_share=share, seed=seed
    )
    augment = Augment(MedicalAugmentConfig(), FLIPS)
    return PatchDataset(store, sampler, augment, patch=(32, 24), slices=3, seed=seed)


@given(
    motions,
    st.tuples(st.integers(5, 70), st.integers(5, 70)),
    st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
    st.data(),
)
@settings(max_examples=120)
def test_the_drawn_voxel_is_in_the_patch(
    motion: Motion, size: tuple[int, int], landing: tuple[float, float], data: st.DataObject
) -> None:
    row, column = (data.draw(st.integers(0, edge - 1)) for edge in size)
    scan = np.zeros((*size, 1), np.float16)
    labels = np.zeros(size, np.uint8)
    labels[row, column] = 7
    window = place((row, column), landing, motion, size, (32, 40))
    image, mask = cut(scan, labels, window, (32, 40))

    assert image.shape == (1, 32, 40)
    assert mask.shape == (32, 40)
    if motion.scale >= 1:
        assert (mask == 7).any()
    assert {*mask.unique().tolist()} <= {0, 7, IGNORE}


@given(motions, st.tuples(st.integers(20, 60), st.integers(20, 60)))
@settings(max_examples=60)
def test_labels_lie_where_their_pixels_do(motion: Motion, size: tuple[int, int]) -> None:
    rows, columns = np.indices(size)
    labels = ((rows > size[0] / 2) ^ (columns > size[1] / 3)).astype(np.uint8)
    scan = (200.0 * labels + 30)[..., None].astype(np.float16)
    window = place((size[0] // 2, size[1] // 2), (0.4, 0.6), motion, size, (32, 32))
    image, mask = cut(scan, labels, window, (32, 32))

    # Between two labels, and at the border of the slice, pixels are mixed.
    seen = mask != IGNORE
    agreed = (image[0] > 130) == (mask == 1)
    assert bool((image[0][~seen] <= 230).all())
    assert agreed[seen].float().mean() > 0.93
    assert seen.float().mean() > 0.2


def test_what_is_not_turned_or_scaled_is_copied() -> None:
    scan = np.random.default_rng(0).integers(0, 256, (50, 60, 2)).astype(np.uint8)
    labels = (scan[..., 0] > 100).astype(np.uint8)
    window = place((20, 30), (0.5, 0.25), Motion(), (50, 60), (16, 20))
    image, mask = cut(scan, labels, window, (16, 20))

    # Half of 16 rows before the middle of row 20, a quarter of 20 columns before that of column 30.
    top, left = 12, 26
    assert window.landing == (20.5 - top, 30.5 - left)
    np.testing.assert_array_equal(image.permute(1, 2, 0), scan[top : top + 16, left : left + 20])
    np.testing.assert_array_equal(mask, labels[top : top + 16, left : left + 20])


def test_turning_by_nothing_is_copying() -> None:
    scan = np.random.default_rng(0).integers(0, 256, (40, 44, 1)).astype(np.uint8)
    labels = (scan[..., 0] // 100).astype(np.uint8)
    for start in ((3, 5), (-6, 30)):
        still = Window((float(start[0]), float(start[1])), (0.0, 0.0), Motion())
        turned = still._replace(motion=Motion(angle=1e-12))
        for one, two in zip(
            cut(scan, labels, still, (20, 20)), cut(scan, labels, turned, (20, 20)), strict=True
        ):
            torch.testing.assert_close(one, two, atol=1e-2, rtol=0)


def test_a_patch_covers_no_more_outside_than_it_must() -> None:
    inside = place((0, 59), (0.9, 0.1), Motion(), (50, 60), (20, 20))
    around = place((10, 10), (0.9, 0.9), Motion(), (16, 16), (20, 20))

    _, mask = cut(np.zeros((50, 60, 1)), np.zeros((50, 60), np.uint8), inside, (20, 20))
    assert not (mask == IGNORE).any()
    _, mask = cut(np.zeros((16, 16, 1)), np.zeros((16, 16), np.uint8), around, (20, 20))
    assert (mask == 0).sum() == 256


def test_mirroring_comes_last() -> None:
    scan = np.arange(100.0).reshape(10, 10, 1)
    labels = np.zeros((10, 10), np.uint8)
    labels[0, 0] = 1
    plain = Window((0.0, 0.0), (0.0, 0.0), Motion())
    image, mask = cut(scan, labels, plain, (10, 10))
    flipped, moved = cut(scan, labels, plain._replace(motion=Motion(flips=(-2, -1))), (10, 10))

    assert torch.equal(flipped.flip(-1, -2), image)
    assert torch.equal(moved.flip(-1, -2), mask)


def test_a_sample_follows_from_its_key_alone(store: CaseStore) -> None:
    first, second = dataset(store), dataset(store)
    for key in ((0, 3), (2, 11)):
        one, two = first[key], second[key]
        assert one.mask is not None
        assert two.mask is not None
        assert torch.equal(one.image, two.image)
        assert torch.equal(one.mask, two.mask)
        assert one.image.shape == (3, 32, 24)
        assert one.image.dtype == torch.float32
        assert one.mask.dtype == torch.uint8
    assert not torch.equal(first[0, 3].image, first[1, 3].image)
    assert not torch.equal(first[0, 3].image, dataset(store, seed=1)[0, 3].image)


def test_patches_around_lesions_show_some(store: CaseStore) -> None:
    masks = [dataset(store)[0, index].mask for index in range(60)]

    # A voxel at the very end of a lesion may be lost where everything becomes smaller.
    assert np.mean([bool((mask == 1).any()) for mask in masks if mask is not None]) > 0.95


def test_neighbours_are_the_channels(store: CaseStore) -> None:
    pixels = store[0].pixels
    seen = neighbours(pixels, 0, 3)

    np.testing.assert_array_equal(seen[..., 0], pixels[0, ..., 0])
    np.testing.assert_array_equal(seen[..., 1], pixels[0, ..., 0])
    np.testing.assert_array_equal(seen[..., 2], pixels[1, ..., 0])
    assert neighbours(pixels, 2, 1).shape == (40, 56, 1)


def test_tiles_are_as_they_are(store: CaseStore) -> None:
    tiles = TileDataset(store, [SliceTile(1, 2, (10, 30))], patch=(32, 32), slices=3)
    sample = tiles[0, 0]

    assert len(tiles) == 1
    assert sample.mask is not None
    np.testing.assert_array_equal(sample.mask[:30, :26], store[1].labels[2, 10:, 30:])
    assert (sample.mask[30:] == IGNORE).all()
    np.testing.assert_array_equal(
        sample.image[1, :30, :26], store[1].pixels[2, 10:, 30:, 0].astype(np.float32)
    )
    assert (sample.image[:, 30:] == 0).all()
