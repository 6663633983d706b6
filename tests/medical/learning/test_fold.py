"""A fold trains on all patients but its own, and nothing it looks at chooses anything."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lumbar.training.run_folder import RunFolder
from medical.learning.begin import begin
from medical.learning.fold import Fold, FoldModule, prepare_fold
from medical.learning.plan import Plan
from medical.learning.store import store_cases
from tests.medical.learning.discs import small_config, write_scans


def make_fold(folder: Path, **changes: Any) -> Fold:
    """The first of two folds of four scans."""
    config = small_config(write_scans(folder / "data", 4), **changes)
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
    losses = run.module.model.losses(batch.images, batch.labels)
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
