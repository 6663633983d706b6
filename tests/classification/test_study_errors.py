"""Errors of a run are those that it logged."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from classification.config import ClassificationConfig
from classification.study_errors import final_error, final_training_error, training_errors
from lumbar.tasks.study_runs import StudyRun
from lumbar.training.run_folder import RunFolder


def test_errors_are_read_as_they_were_logged(
    run_config: ClassificationConfig, run_folder: RunFolder
) -> None:
    run = StudyRun("tiny", 0, run_config, run_folder)

    with run_folder.metrics.open(newline="") as file:
        errors = [float(row["train/error"]) for row in csv.DictReader(file) if row["train/error"]]
    assert len(errors) == 6
    np.testing.assert_allclose([y for _, y in training_errors(run)], 100 * np.array(errors))
    assert [x for x, _ in training_errors(run)] == [0, 1, 2, 3, 4, 5]
    assert final_training_error(run) == pytest.approx(100 * errors[-1])
    top1 = json.loads(run_folder.results.read_text())["summary"]["top1"]
    assert final_error(run) == pytest.approx(100 - 100 * top1)


def test_many_steps_become_few_points(run_config: ClassificationConfig, tmp_path: Path) -> None:
    run = StudyRun("long", 0, run_config, RunFolder(tmp_path))
    rows = [f"{step},{0.5 if step < 90 else 0.1}" for step in range(100)]
    run.folder.metrics.write_text("\n".join(["step,train/error", *rows]))

    points = training_errors(run)

    assert len(points) == 30
    assert points[0] == pytest.approx((1.5, 50))  # of the steps 0 to 3
    assert points[-1] == pytest.approx((98, 10))
    assert final_training_error(run) == pytest.approx(10)
