"""A budget becomes steps by what was measured, and what was measured is about what it takes."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.learning.budget import FEWEST_STEPS, Pace, Took, measure
from medical.learning.plan import ROUNDS, Plan
from medical.study.cases import find_study
from tests.medical.learning.test_fold import make_fold

paces = st.builds(
    Pace, step=st.floats(0.01, 5), round=st.floats(0.01, 30), voxel=st.floats(1e-8, 1e-5)
)


@given(paces, st.floats(60, 36000), st.integers(1000, 10**7))
def test_a_plan_takes_no_longer_than_there_is_time(pace: Pace, seconds: float, voxels: int) -> None:
    plan = pace.plan(seconds, voxels)
    left = seconds - voxels * pace.voxel

    assert plan.seconds == pytest.approx(plan.steps * pace.step + plan.rounds * pace.round)
    if plan.steps > FEWEST_STEPS:
        # Half a step for each round, as rounds are whole.
        assert plan.seconds <= left + plan.rounds * pace.step
        assert plan.seconds >= min(0.5 * left, left - plan.rounds * pace.step - 2 * pace.round)
    else:
        assert plan.steps == FEWEST_STEPS or plan.rounds == 1


@given(paces, st.floats(60, 36000))
def test_looks_at_the_curve_take_a_small_part(pace: Pace, seconds: float) -> None:
    plan = pace.plan(seconds, 1000)

    assert 1 <= plan.rounds <= ROUNDS
    if plan.rounds > 1:
        assert plan.rounds * pace.round <= 0.06 * seconds


def test_what_predictions_take_is_not_trained() -> None:
    pace = Pace(step=0.5, round=0.0, voxel=1e-5)

    assert pace.plan(600, 10**7).steps == 1000
    assert pace.plan(600, 0).steps == 1200
    assert pace.plan(600, 10**9).steps == FEWEST_STEPS


def test_a_fold_that_is_done_shows_the_pace() -> None:
    took = Took(steps=100, rounds=4, round=2.5, training=60.0, prediction=8.0, voxels=4000)

    assert Pace.of(took) == Pace(step=0.5, round=2.5, voxel=0.002)
    assert took.seconds == 68
    assert Pace.of(replace(took, round=100.0)).step == 0.3


def test_the_pace_is_measured_and_leaves_nothing_behind(tmp_path: Path) -> None:
    fold = make_fold(tmp_path)
    before = {*(tmp_path / "run").rglob("*")}
    pace = measure(fold, find_study(fold.config).cases[0], steps=2)
    timed = pace.timed(Plan(2, 10))

    assert min(pace.step, pace.round, pace.voxel) > 0
    assert timed.seconds == pytest.approx(20 * pace.step + 2 * pace.round)
    assert {*(tmp_path / "run").rglob("*")} == before
