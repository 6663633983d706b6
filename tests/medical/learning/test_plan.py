"""Plans are whole rounds of whole steps, and survive a file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.learning.plan import ROUNDS, Plan


@given(st.floats(0.1, 1e6), st.integers(1, ROUNDS))
def test_there_are_about_so_many_steps_in_equal_rounds(steps: float, rounds: int) -> None:
    plan = Plan.of(steps, rounds)

    assert 1 <= plan.rounds <= rounds
    assert plan.steps == plan.rounds * plan.steps_per_round
    assert plan.steps >= 1
    # The rounds are rounded to whole steps.
    assert abs(plan.steps - steps) <= max(1.0, 0.5 * plan.rounds)


def test_passes_are_over_all_slices() -> None:
    assert Plan.of_passes(3, slices=320, patches_per_step=8).steps == 120
    assert Plan.of_passes(1, slices=3, patches_per_step=8) == Plan(1, 1)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = Plan(10, 37, 12.5)
    plan.write(tmp_path / "fold0" / "plan.json")

    assert Plan.read(tmp_path / "fold0" / "plan.json") == plan


@pytest.mark.parametrize("text", ["", "[]", '{"steps": 3}'])
def test_another_file_is_no_plan(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)

    with pytest.raises(ValueError, match=r"plan\.json: no plan of a fold .* delete its folder"):
        Plan.read(file)
