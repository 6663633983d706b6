"""Runs of a study are trained once, and read as they were logged."""

import csv
import json
from pathlib import Path

import pytest

from lumbar.tasks.study_runs import runs_of, train_all
from tests.tasks.toy_study import TOY_STUDY, train_toy


def test_every_network_runs_with_every_seed(tmp_path: Path) -> None:
    runs = list(runs_of(TOY_STUDY, tmp_path))

    assert [(run.name, run.seed) for run in runs] == [
        *(("slow", 0), ("fast", 0)),
        *(("slow", 1), ("fast", 1)),
    ]
    assert [run.config.seed for run in runs] == [0, 0, 1, 1]
    assert [run.config.optim.lr for run in runs] == [0.001, 0.1, 0.001, 0.1]
    assert runs[1].folder.path == tmp_path / "fast-seed0"


def test_runs_are_trained_once_and_read(tmp_path: Path) -> None:
    [run, *_] = runs_of(TOY_STUDY, tmp_path)
    train_all([run], train_toy)
    written = run.folder.weights.stat().st_mtime_ns

    train_all([run], train_toy)

    assert run.folder.weights.stat().st_mtime_ns == written
    with run.folder.metrics.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["val/share"]]
    steps, shares = run.logged("val/share")
    assert len(steps) == 2  # epochs
    assert [int(row["step"]) for row in rows] == steps.tolist()
    assert [float(row["val/share"]) for row in rows] == shares.tolist()
    assert run.results() == json.loads(run.folder.results.read_text())


def test_a_folder_of_another_run_is_left_alone(tmp_path: Path) -> None:
    [run, *_] = runs_of(TOY_STUDY, tmp_path)
    run.folder.path.mkdir()
    run.folder.write_config("seed: 5\n")

    with pytest.raises(ValueError, match="holds a run with other settings than the study's"):
        train_all([run], train_toy)
    assert run.folder.config.read_text() == "seed: 5\n"
