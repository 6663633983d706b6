"""A run beside another: the same run is equal, a better one is better, other cases are refused."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from medical.learning.run import MedicalRun
from medical.report.comparison import Compared, compare_section, verdict
from medical.report.decisions import cross_fit
from medical.report.rows import Scored, score_cases
from medical.scores.bootstrap import Estimate
from medical.scores.paired import Comparison
from tests.medical.report.made_run import nuclei_run


@pytest.fixture(scope="module")
def worse(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    """A run of the same cases whose predictions lie further aside."""
    run = nuclei_run(shared_data, tmp_path_factory.mktemp("worse"), shift=5)
    return score_cases(run, cross_fit(run))


def test_a_better_run_is_called_better(scored_nuclei: Scored, worse: Scored) -> None:
    compared = Compared.of(worse.table, scored_nuclei.table)

    assert compared.main.metric == "dice"
    assert compared.main.difference.low > 0
    shown = compare_section(compared, name="baseline")
    assert shown.title == "Beside baseline"
    assert "this run is better" in "".join(block.html() for block in shown.blocks)


def test_swapped_runs_swap_the_verdict(scored_nuclei: Scored, worse: Scored) -> None:
    there = Compared.of(worse.table, scored_nuclei.table).main
    back = Compared.of(scored_nuclei.table, worse.table).main

    assert back.difference.value == pytest.approx(-there.difference.value)
    assert (back.wins, back.losses) == (there.losses, there.wins)
    assert "this run is worse" in verdict(back, "baseline")


def test_a_run_is_equal_to_itself(scored_hippocampus: Scored) -> None:
    main = Compared.of(scored_hippocampus.table, scored_hippocampus.table).main

    assert (main.wins, main.losses, main.difference.value) == (0, 0, 0)
    assert "do not tell which is better" in verdict(main, "itself")
    assert main.class_name is None, "of both classes together"


def test_other_cases_are_refused(scored_nuclei: Scored) -> None:
    fewer = scored_nuclei.table.select(lambda row: row.patient > 1)

    with pytest.raises(ValueError, match="same cases"):
        Compared.of(fewer, scored_nuclei.table)


def test_one_patient_leaves_it_open() -> None:
    alone = Estimate(0.1, math.nan, math.nan)
    main = Comparison("dice", "a", 2, 1, 0.5, 0.6, alone, 1.0, 1, 0, 0)

    assert "nobody can tell" in verdict(main, "baseline")


def test_every_number_of_every_class_is_compared(scored_hippocampus: Scored) -> None:
    table = replace(scored_hippocampus.table, tolerance=scored_hippocampus.table.tolerance)

    found = Compared.of(table, scored_hippocampus.table).to_dict()["comparisons"]

    assert len(found) == 4 * 3
    assert {one["metric"] for one in found} == {"dice", "iou", "surface_dice", "hd95"}


def test_cases_that_changed_the_most_are_listed(
    nuclei: MedicalRun, scored_nuclei: Scored, worse: Scored
) -> None:
    shown = compare_section(Compared.of(worse.table, scored_nuclei.table), name="baseline")

    moved = shown.blocks[-1].html()
    before, after = worse.table.case_dice(), scored_nuclei.table.case_dice()
    most = max(
        (alias for alias in before if math.isfinite(before[alias])),
        key=lambda alias: abs(after[alias] - before[alias]),
    )
    assert most in moved
