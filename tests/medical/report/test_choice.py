"""The worst are the worst, nobody is shown twice among them, and who is rightly empty is not shown."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.report.choice import COMPARED, SUSPECTS, WORST, choose
from medical.report.rows import Scored, ScoredCase
from medical.report.suspects import WORTH_A_LOOK, Suspect
from medical.scores.case_scores import ClassScores
from medical.scores.rows import Row
from medical.scores.table import CaseTable

MISS = ClassScores(0, 0, 9, 0, 10, 0, 1, 0, 0, "missed")
EMPTY = replace(MISS, dice=float("nan"), status="correctly_empty")


def scored(base: Scored, dice: Sequence[float], shares: Sequence[float] = ()) -> Scored:
    """Made-up cases, of which only the Dice and the suspected errors are looked at."""
    aliases = [f"P{number:03d}-1" for number in range(len(dice))]
    rows = [
        Row(alias, 1, 0, "a", replace(MISS, dice=value), 0.5, {})
        for alias, value in zip(aliases, dice, strict=True)
    ]
    cases = [
        ScoredCase(alias, 0, 0.5, 0.5, 1, 0, Suspect("drawn", 9, share, 0) if share else None)
        for alias, share in zip(aliases, [*shares, *[0.0] * len(dice)], strict=False)
    ]
    return replace(base, table=CaseTable(tuple(rows), "px", 1.0), cases=tuple(cases))


@given(dice=st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=40))
def test_each_case_is_shown_once_and_the_worst_first(
    scored_nuclei: Scored, dice: list[float]
) -> None:
    choice = choose(scored(scored_nuclei, dice))

    of = {f"P{number:03d}-1": value for number, value in enumerate(dice)}
    known = {alias for alias, value in of.items() if math.isfinite(value)}
    assert len({*choice.pictured}) == len(choice.pictured)
    assert {*choice.pictured} <= known
    assert len(choice.worst) == min(WORST, len(known))
    worst = [of[alias] for alias in choice.worst]
    assert worst == sorted(worst)
    assert all(value <= of[alias] for value in worst for alias in known - {*choice.worst})
    best = [of[alias] for alias in choice.best]
    assert best == sorted(best, reverse=True)


def test_the_middle_is_that_of_all_cases(scored_nuclei: Scored) -> None:
    choice = choose(scored(scored_nuclei, [number / 100 for number in range(101)]))

    assert choice.median == ("P049-1", "P050-1", "P051-1")
    assert choice.best == ("P100-1", "P099-1", "P098-1")
    assert len(choice.median) == COMPARED


@pytest.mark.parametrize("count", [0, 3, 20])
def test_the_largest_suspected_errors_are_shown(scored_nuclei: Scored, count: int) -> None:
    shares = [WORTH_A_LOOK * (1 + number) for number in range(count)] + [WORTH_A_LOOK / 2]

    choice = choose(scored(scored_nuclei, [0.5] * len(shares), shares))

    expected = [f"P{number:03d}-1" for number in range(count)][::-1][:SUSPECTS]
    assert [*choice.suspects] == expected
