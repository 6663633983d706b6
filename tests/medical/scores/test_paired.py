"""Two runs beside each other: by patients, against scipy, and only on the same cases."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from medical.scores.bootstrap import mean_estimate
from medical.scores.case_scores import ClassScores
from medical.scores.paired import compare
from medical.scores.rows import Row
from medical.scores.table import CaseTable

RANDOM = np.random.default_rng(5)
FIRST = RANDOM.uniform(0.5, 0.8, 20)
SECOND = FIRST + RANDOM.normal(0.05, 0.05, 20)


def table(
    dice: Sequence[float], patients: Sequence[int] | None = None, name: str = "lesion"
) -> CaseTable:
    """One case for each number; distances are the less, the larger Dice is."""
    owners = patients or range(len(dice))
    rows = tuple(
        Row(
            alias=f"P{patient:03}-{place}",
            patient=patient,
            fold=None,
            class_name=name,
            scores=ClassScores(float(d), d / 2, 50 * (1 - d), d, 10.0, 9.0, 1, 1, 0, "scored"),
            expected_dice=math.nan,
            strata={},
        )
        for place, (d, patient) in enumerate(zip(dice, owners, strict=True))
    )
    return CaseTable(rows, "mm", 1.0)


def test_one_case_for_each_patient_is_the_textbook() -> None:
    (found,) = compare(table(FIRST), table(SECOND))
    gains = SECOND - FIRST

    assert (found.cases, found.patients) == (20, 20)
    assert (found.first, found.second) == pytest.approx((FIRST.mean(), SECOND.mean()))
    assert found.difference == pytest.approx(mean_estimate(gains, range(20)))
    assert found.p_value == pytest.approx(stats.wilcoxon(FIRST, SECOND).pvalue)
    assert (found.wins, found.ties, found.losses) == ((gains > 0).sum(), 0, (gains < 0).sum())


def test_a_patient_counts_once_however_many_cases_there_are() -> None:
    patients = np.repeat(range(20), 5).tolist()

    (once,) = compare(table(FIRST), table(SECOND))
    (copied,) = compare(
        table(FIRST.repeat(5).tolist(), patients), table(SECOND.repeat(5).tolist(), patients)
    )

    assert copied.difference == pytest.approx(once.difference)
    assert copied.p_value == pytest.approx(once.p_value)
    assert (copied.cases, copied.patients) == (100, 20)
    assert (copied.wins, copied.losses) == (once.wins, once.losses)


def test_swapping_the_runs_turns_the_sign() -> None:
    (one,) = compare(table(FIRST), table(SECOND))
    (other,) = compare(table(SECOND), table(FIRST))

    assert other.difference.value == pytest.approx(-one.difference.value)
    assert (other.wins, other.losses, other.p_value) == (one.losses, one.wins, one.p_value)


def test_a_shorter_distance_wins() -> None:
    (dice,) = compare(table(FIRST), table(SECOND))
    (hd95,) = compare(table(FIRST), table(SECOND), metric="hd95")

    assert (hd95.wins, hd95.losses) == (dice.wins, dice.losses)
    assert hd95.difference.value == pytest.approx(-50 * dice.difference.value)


def test_the_same_run_twice_is_all_ties() -> None:
    (found,) = compare(table(FIRST), table(FIRST))

    assert found.difference == (0, 0, 0)
    assert (found.p_value, found.wins, found.ties, found.losses) == (1, 0, 20, 0)


def test_several_classes_have_a_mean() -> None:
    def both(liver: Sequence[float], tumour: Sequence[float]) -> CaseTable:
        return replace(
            table(liver), rows=table(liver, name="liver").rows + table(tumour, name="tumour").rows
        )

    liver, tumour, mean = compare(both(FIRST, SECOND), both(SECOND, SECOND))

    assert [liver.class_name, tumour.class_name, mean.class_name] == ["liver", "tumour", None]
    assert mean.difference.value == pytest.approx(liver.difference.value / 2)
    assert tumour.ties == 20
    assert (mean.cases, mean.patients) == (20, 20)


def test_cases_without_the_class_are_left_out() -> None:
    def with_healthy(dice: Sequence[float], alarm: bool) -> CaseTable:
        rows = table(dice).rows
        status = "false_alarm" if alarm else "correctly_empty"
        empty = replace(
            rows[0].scores,
            dice=0.0 if alarm else math.nan,
            reference_volume=0.0,
            lesions=0,
            status=status,
        )
        return CaseTable((*rows, replace(rows[0], alias="P900", scores=empty)), "mm", 1.0)

    (found,) = compare(with_healthy(FIRST, alarm=False), with_healthy(SECOND, alarm=True))

    assert found.cases == 20


def test_different_cases_are_listed() -> None:
    one, other = table(FIRST), table(SECOND)
    redrawn = replace(other.rows[4], scores=replace(other.rows[4].scores, reference_volume=11.0))
    changed = replace(other, rows=(*other.rows[2:4], redrawn, *other.rows[5:]))
    changed = replace(changed, rows=(*changed.rows, replace(other.rows[0], alias="P500")))

    with pytest.raises(ValueError, match="same cases") as caught:
        compare(one, changed)

    assert "only in the first run: P000-0 (lesion), P001-1 (lesion)" in str(caught.value)
    assert "only in the second run: P500 (lesion)" in str(caught.value)
    assert "another patient or another truth: P004-4 (lesion)" in str(caught.value)


def test_runs_measured_differently_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.0 mm, and of 2\.0 mm"):
        compare(table(FIRST), replace(table(SECOND), tolerance=2.0))


def test_it_becomes_json() -> None:
    (found,) = compare(table(FIRST[:1]), table(SECOND[:1]))
    saved = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    assert saved["difference"][1:] == [None, None]
    assert saved["class_name"] == "lesion"


def test_nothing_to_compare_is_no_number() -> None:
    absent = [
        replace(row, scores=replace(row.scores, status="correctly_empty"))
        for row in table(FIRST).rows
    ]
    (found,) = compare(*[CaseTable(tuple(absent), "mm", 1.0)] * 2)

    assert found.cases == 0
    assert math.isnan(found.p_value)
    assert math.isnan(found.difference.value)
