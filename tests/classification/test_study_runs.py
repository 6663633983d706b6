"""Runs of a study are trained once, and read as they were logged."""

import csv
from pathlib import Path

import numpy as np
import pytest

from classification.study_runs import (
    final_error,
    final_training_error,
    runs_of,
    train_all,
    training_errors,
)
from lumbar.training.load import ConfigError
from tests.classification.small_study import small_study


def test_every_network_runs_with_every_seed(examples: Path, tmp_path: Path) -> None:
    runs = list(runs_of(small_study(examples), tmp_path))

    assert [(run.name, run.seed) for run in runs] == [
        *(("plain", 0), ("residual", 0)),
        *(("plain", 1), ("residual", 1)),
    ]
    names = {run.config.model.backbone.name for run in runs if run.name == "plain"}
    assert names == {"cifar_plain20"}
    assert [run.config.seed for run in runs] == [0, 0, 1, 1]
    assert runs[1].folder.path == tmp_path / "residual-seed0"


def test_a_change_of_no_setting_is_refused(examples: Path, tmp_path: Path) -> None:
    study = small_study(examples)
    wrong = study.runs["plain"].model_copy(update={"changes": ("optim.lrr=1",)})

    with pytest.raises(ConfigError, match=r"optim\.lrr"):
        list(runs_of(study.model_copy(update={"runs": {"x": wrong}}), tmp_path))


def test_runs_are_trained_once_and_read(examples: Path, tmp_path: Path) -> None:
    [run, *_] = runs_of(small_study(examples), tmp_path)
    train_all([run])
    written = run.folder.weights.stat().st_mtime_ns

    train_all([run])

    assert run.folder.weights.stat().st_mtime_ns == written
    with run.folder.metrics.open(newline="") as file:
        errors = [float(row["train/error"]) for row in csv.DictReader(file) if row["train/error"]]
    assert len(errors) == 4
    np.testing.assert_allclose([y for _, y in training_errors(run)], 100 * np.array(errors))
    assert [x for x, _ in training_errors(run)] == [0, 1, 2, 3]
    assert final_training_error(run) == pytest.approx(100 * errors[-1])
    assert 0 <= final_error(run) <= 100

    [other, *_] = runs_of(small_study(examples, lr=0.01), tmp_path)
    with pytest.raises(ValueError, match="holds a run with other settings than the study's"):
        train_all([other])
