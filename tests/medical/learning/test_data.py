"""Loaders of a fold: patches in batches, and a bounded choice of held-out slices."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumbar.data.config import LoadingConfig
from medical.learning.augment import Augment
from medical.learning.data import MAX_TILES, FoldData, choose_tiles
from medical.learning.lesion_sampler import LesionSampler
from medical.learning.patches import PatchDataset, TileDataset
from medical.learning.store import CaseStore, store_cases
from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess
from medical.study.cases import find_study
from medical.study.config import MedicalAugmentConfig
from tests.medical.learning.discs import small_config, write_scans

PREPROCESS = Preprocess(Intensity("zscore"), "axial", None, 1.0, 1, 1, (32, 32), 0.25, ())


@pytest.fixture
def store(tmp_path: Path) -> CaseStore:
    study = find_study(small_config(write_scans(tmp_path / "data", 3)))
    return store_cases(study.cases, PREPROCESS, study.classes)


def fold_data(store: CaseStore, workers: int = 0) -> FoldData:
    cases = [store[index] for index in range(len(store))]
    sampler = LesionSampler(
        [(4, 40, 56)] * 3, [case.lesions for case in cases], lesion_share=0.5, seed=0
    )
    augment = Augment(MedicalAugmentConfig(), ("horizontal",))
    tiles = choose_tiles(store, (32, 32))
    return FoldData(
        LoadingConfig(batch_size_per_device=4, eval_batch_size_per_device=4, workers=workers),
        patches=PatchDataset(store, sampler, augment, patch=(32, 32), slices=1, seed=0),
        patches_per_epoch=12,
        held_out=TileDataset(store, tiles, patch=(32, 32), slices=1),
        patch=(32, 32),
        seed=0,
    )


def test_an_epoch_has_so_many_patches(store: CaseStore) -> None:
    batches = [*fold_data(store).train_dataloader()]

    assert len(batches) == 3
    assert sorted(torch.cat([batch.image_ids for batch in batches]).tolist()) == [*range(12)]
    for batch in batches:
        assert batch.images.canvas.shape == (4, 1, 32, 32)
        assert batch.images.canvas.dtype == torch.float32
        assert batch.labels.shape == (4, 32, 32)


def test_worker_processes_make_the_same_patches(store: CaseStore) -> None:
    for one, two in zip(
        fold_data(store).train_dataloader(), fold_data(store, 2).train_dataloader(), strict=True
    ):
        assert torch.equal(one.images.canvas, two.images.canvas)
        assert torch.equal(one.labels, two.labels)


def test_the_curve_is_of_few_tiles_of_all_cases(store: CaseStore) -> None:
    tiles = choose_tiles(store, (16, 16))
    batches = [*fold_data(store).val_dataloader()]

    assert len(tiles) == MAX_TILES
    assert {tile.case for tile in tiles} == {0, 1, 2}
    assert tiles == choose_tiles(store, (16, 16))
    assert sum(len(batch.image_ids) for batch in batches) == fold_data(store).num_tiles


def test_a_slice_that_fits_is_looked_at_whole(store: CaseStore) -> None:
    tiles = choose_tiles(store, (64, 64))

    assert len(tiles) == 12
    assert {tile.start for tile in tiles} == {(0, 0)}
    assert np.bincount([tile.case for tile in tiles]).tolist() == [4, 4, 4]
