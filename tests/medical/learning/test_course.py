"""Folds share the time, and what was done before is neither done nor planned again."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from medical.learning.begin import Begun, begin
from medical.learning.course import Course
from medical.learning.plan import Plan
from medical.learning.run import MedicalRun
from medical.learning.store import store_cases
from tests.medical.learning.fits import disc_config


def make_course(folder: Path, **changes: Any) -> tuple[Begun, Course]:
    config = disc_config(folder, **changes)
    begun = begin(config, name="discs", output=folder / "run", resume="auto", anyway=False)
    store = store_cases(begun.study.cases, begun.resolved.preprocess, begun.study.classes)
    return begun, Course(begun, store, name="discs")


def test_a_plan_that_was_begun_with_is_kept(tmp_path: Path) -> None:
    begun, course = make_course(tmp_path)
    for number in range(2):
        Plan(1, 2, 5.0).write(begun.folder.fold(number).path / "plan.json")
    course.run()

    for number in range(2):
        took = json.loads((begun.folder.fold(number).path / "took.json").read_text())
        assert took["steps"] == 2
    assert len(begun.folder.out_of_fold.aliases()) == 12


def test_later_folds_get_the_time_that_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun, course = make_course(tmp_path, epochs=None, budget="100s")
    fold = begun.folder.fold(0).path
    fold.mkdir()
    # The first fold has used up all but ten seconds, with a second for each step and none for predictions.
    took = {"steps": 80, "rounds": 1, "round": 0.0, "training": 80.0, "prediction": 10.0}
    (fold / "took.json").write_text(json.dumps(took | {"voxels": 10**9}))
    with caplog.at_level(logging.INFO):
        course.run()

    plan = Plan.read(begun.folder.fold(1).path / "plan.json")
    assert plan.steps == 10
    assert plan.seconds == pytest.approx(10)
    assert (
        "1 fold of 10 steps, about 1.00 s each, and 0 s of prediction: expect 10 s" in caplog.text
    )
    assert "too short to learn anything" in caplog.text


def test_a_finished_course_does_nothing(
    finished: MedicalRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(finished.path, tmp_path / "run")
    begun = begin(finished.config, name="x", output=tmp_path / "run", resume="auto", anyway=False)
    store = store_cases(begun.study.cases, begun.resolved.preprocess, begun.study.classes)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        Course(begun, store, name="x").run()

    assert not caplog.records
