"""A fold trains on all patients but its own, and nothing it looks at chooses anything."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lumbar.data.pixel_classes import IGNORE
from lumbar.training.run_folder import RunFolder
from medical.learning.begin import begin
from medical.learning.fold import Fold, FoldModule, prepare_fold
from medical.learning.plan import Plan
from medical.learning.store import store_cases
from medical.study.config import MedicalConfig
from tests.medical.learning.discs import small_config, write_scans


def make_fold(folder: Path, **changes: Any) -> Fold:
    """The first of two folds of four scans with discs."""
    return fold_of(folder, small_config(write_scans(folder / "data", 4), **changes))


def fold_of(folder: Path, config: MedicalConfig) -> Fold:
    """The first of two folds."""
    begun = begin(config, name="discs", output=folder / "run", resume=None, anyway=False)
    classes, resolved = begun.study.classes, begun.resolved
    return Fold(
        folder=RunFolder(folder / "run" / "fold0"),
        config=begun.config,
        resolved=resolved,
        classes=classes,
        store=store_cases(begun.study.cases, resolved.preprocess, classes),
        held_out=begun.held_out(0),
    )


def test_loaders_keep_the_patients_apart(tmp_path: Path) -> None:
    fold = make_fold(tmp_path, slices=3)
    run = prepare_fold(fold, Plan(2, 3))
    batches = [*run.datamodule.train_dataloader()]
    tiles = [*run.datamodule.val_dataloader()]

    assert len(fold.held_out) == 2
    assert fold.sampler.num_slices == 8
    assert run.num_images == {"train": 12, "val": 24}
    assert len(batches) == 3
    assert batches[0].images.canvas.shape == (4, 3, 32, 32)
    assert sum(len(batch.image_ids) for batch in tiles) == 24


def test_the_module_learns_from_a_batch(tmp_path: Path) -> None:
    run = prepare_fold(make_fold(tmp_path, slices=3), Plan(1, 1))
    batch = next(iter(run.datamodule.train_dataloader()))
    losses = run.module.model.losses(batch.images, batch.labels, batch.seeds)
    losses["loss/main"].backward()

    assert isinstance(run.module, FoldModule)
    assert torch.isfinite(losses["loss/main"])
    assert all(
        parameter.grad is not None and bool(parameter.grad.isfinite().all())
        for parameter in run.module.model.parameters()
    )


def test_no_score_is_called_the_best(tmp_path: Path) -> None:
    run = prepare_fold(make_fold(tmp_path), Plan(1, 1))
    scores = run.module.metrics["val"].compute()

    assert run.module.monitor == "nothing"
    assert "nothing" not in scores.summary


def test_class_weights_come_from_the_cases_that_are_trained_on(tmp_path: Path) -> None:
    losses = [{"name": "cross_entropy", "class_weights": "data"}]
    fold = make_fold(tmp_path, losses=losses)
    trained = [fold.store[index].labels for index in range(4) if index not in fold.held_out]
    discs, pixels = sum(int((case == 1).sum()) for case in trained), 2 * 4 * 40 * 56
    shares = torch.tensor([1 - discs / pixels, discs / pixels])

    assert fold.class_weights == pytest.approx((shares.mean() / shares).tolist())
    prepare_fold(fold, Plan(1, 1))


def test_real_scans_of_the_hippocampus_are_cut(tmp_path: Path, shared_data: Path) -> None:
    source, data = shared_data / "hippocampus", tmp_path / "data"
    for folder in ("images", "labels"):
        (data / folder).mkdir(parents=True)
        for file in sorted((source / folder).iterdir())[:4]:
            shutil.copy(file, data / folder)
    classes = {"background": 0, "anterior": 1, "posterior": 2}
    config = small_config(data, classes=classes, slices=3, zoom=2.0, patch=[64, 96])
    fold = fold_of(tmp_path, config)
    run = prepare_fold(fold, Plan(1, 4))
    batches = [*run.datamodule.train_dataloader()]
    labels = torch.cat([batch.labels for batch in batches])

    assert fold.sampler.num_lesions >= 4
    assert batches[0].images.canvas.shape == (4, 3, 64, 96)
    assert {0, 1, 2} <= {*labels.unique().tolist()} <= {0, 1, 2, IGNORE}
    # Around lesions, and of no more than one scale: neither is rare.
    assert ((labels == 1) | (labels == 2)).flatten(1).any(1).float().mean() > 0.6
    assert 60 < float(batches[0].images.canvas.mean()) < 180
