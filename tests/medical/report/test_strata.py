"""Groups hold all cases once, and their numbers are those of their own cases."""

import math
from collections.abc import Callable

import pytest

from medical.report.rows import Scored
from medical.report.strata import by_column, by_fold, by_size, group, lesion_volume, volume
from medical.scores.rows import Row


def test_groups_of_a_column_hold_all_cases_once(scored_nuclei: Scored) -> None:
    groups = by_column(scored_nuclei.table, "site")

    assert [own.name for own in groups] == ["north", "south"]
    assert sum(own.cases for own in groups) == len(scored_nuclei.cases)
    assert sum(own.patients for own in groups) == 6


def test_a_group_is_summed_up_by_its_own_cases(scored_nuclei: Scored) -> None:
    north = by_column(scored_nuclei.table, "site")[0]

    own = [
        row.scores.dice
        for row in scored_nuclei.table.rows
        if row.strata["site"] == "north" and row.scores.present
    ]
    assert north.estimate("case/dice").value == pytest.approx(sum(own) / len(own))
    assert north.estimate("case/dice", "nucleus") == north.estimate("case/dice")


def test_folds_are_groups(scored_nuclei: Scored) -> None:
    assert [(own.name, own.cases) for own in by_fold(scored_nuclei.table)] == [
        (f"fold {number}", 4) for number in range(3)
    ]


@pytest.mark.parametrize("size", [volume, lesion_volume])
def test_thirds_go_from_small_to_large(scored_nuclei: Scored, size: Callable[[Row], float]) -> None:
    groups = by_size(scored_nuclei.table, "nucleus", size)

    assert [own.name.partition(":")[0] for own in groups] == ["small", "medium", "large"]
    assert sum(own.cases for own in groups) == 10, "two have no nucleus"
    assert max(own.cases for own in groups) - min(own.cases for own in groups) <= 1


def test_few_cases_have_no_thirds(scored_nuclei: Scored) -> None:
    few = scored_nuclei.table.select(lambda row: row.patient <= 2)

    assert by_size(few, "nucleus", volume) == []


def test_cases_of_one_size_have_no_thirds(scored_nuclei: Scored) -> None:
    assert by_size(scored_nuclei.table, "nucleus", lambda row: 1.0) == []


def test_the_volume_of_lesions_is_a_mean(scored_nuclei: Scored) -> None:
    for row in scored_nuclei.table.rows:
        found = lesion_volume(row)
        if row.scores.lesions:
            assert found * row.scores.lesions == pytest.approx(row.scores.reference_volume)
        else:
            assert math.isnan(found)


def test_one_patient_has_no_interval(scored_nuclei: Scored) -> None:
    alone = group("one", scored_nuclei.table.select(lambda row: row.patient == 2))

    assert alone.patients == 1
    assert math.isnan(alone.estimate("case/dice").low)
