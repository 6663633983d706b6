"""Every case has its rows, scored by what its fold was judged by, and its flag by what the others say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medical.learning.run import MedicalRun
from medical.report.held_out import read_held_out
from medical.report.rows import Scored, foreground_dice, pairs, patient_number, worst_slice
from medical.scores.calibration import fit_review
from medical.scores.case_scores import score_case
from tests.medical.report.made_run import ALARM, EMPTY, MISSED, case_of

LABELS = arrays(np.uint8, (2, 4, 5), elements=st.sampled_from([0, 1, 2]))


def test_each_case_has_a_row_for_each_class(scored_hippocampus: Scored) -> None:
    table = scored_hippocampus.table

    assert table.class_names == ("anterior", "posterior")
    assert len(table.rows) == 2 * len(table.aliases) == 2 * len(scored_hippocampus.cases)
    assert (table.unit, table.tolerance) == ("mm", 1.0)


def test_a_row_is_what_its_labels_score(
    hippocampus: MedicalRun, scored_hippocampus: Scored
) -> None:
    case = hippocampus.study.cases[3]
    held_out = read_held_out(hippocampus, case)
    decision = scored_hippocampus.decisions.by_fold[held_out.fold]
    labels = decision.labels(decision.calibrated(held_out.probabilities))

    expected = score_case(
        labels, held_out.truth, num_classes=3, spacing=(1.0, 1.0, 1.0), tolerance=1.0
    )

    rows = [row for row in scored_hippocampus.table.rows if row.alias == case.alias]
    assert tuple(row.scores for row in rows) == expected
    assert {row.fold for row in rows} == {hippocampus.fold_of(case.alias)}


def test_missed_empty_and_alarmed_cases_are_told_apart(
    nuclei: MedicalRun, scored_nuclei: Scored
) -> None:
    status = {row.alias: row.scores.status for row in scored_nuclei.table.rows}

    found = [status[case_of(nuclei, number).alias] for number in (MISSED, EMPTY, ALARM)]

    assert found == ["missed", "correctly_empty", "false_alarm"]
    assert scored_nuclei.table.unit == "px"


def test_rows_have_the_columns_that_may_be_shown(scored_nuclei: Scored) -> None:
    assert scored_nuclei.table.strata == ("site", "stain")


def test_calibration_brings_probabilities_nearer_to_the_truth(scored_nuclei: Scored) -> None:
    before, after = scored_nuclei.before.error(), scored_nuclei.after.error()

    assert (after < before).all()
    assert (scored_nuclei.before.voxels.sum(1) == scored_nuclei.after.voxels.sum(1)).all()


def test_a_flag_is_raised_by_the_cut_of_the_other_folds(scored_nuclei: Scored) -> None:
    for fold, decision in enumerate(scored_nuclei.decisions.by_fold):
        others = [case for case in scored_nuclei.cases if case.fold != fold]
        cut = fit_review(*pairs(others))
        assert cut is not None
        assert decision.review_below == cut.below
        own = [case for case in scored_nuclei.cases if case.fold == fold]
        assert [case.flagged for case in own] == [case.expected < cut.below for case in own]


@given(LABELS, LABELS)
def test_the_foreground_is_one_class(labels: np.ndarray, truth: np.ndarray) -> None:
    found = foreground_dice(labels, truth)

    said, there = labels > 0, truth > 0
    if said.any() or there.any():
        assert found == pytest.approx(2 * (said & there).sum() / (said.sum() + there.sum()))
    else:
        assert math.isnan(found)


@given(LABELS, LABELS)
def test_the_worst_slice_has_the_most_errors(labels: np.ndarray, truth: np.ndarray) -> None:
    wrong = (labels != truth).sum((1, 2))

    assert wrong[worst_slice(labels, truth)] == wrong.max()


def test_of_a_perfect_case_the_fullest_slice_is_shown() -> None:
    truth = np.zeros((4, 5, 5), np.uint8)
    truth[2, 1:3] = 1

    assert worst_slice(truth, truth) == 2


def test_what_counts_nowhere_is_no_error() -> None:
    truth = np.full((2, 5, 5), 255, np.uint8)
    truth[1] = 0

    assert math.isnan(foreground_dice(np.where(truth == 255, 1, 0).astype(np.uint8), truth))
    assert worst_slice((truth == 0).astype(np.uint8), truth) == 1


@pytest.mark.parametrize(("alias", "number"), [("P007-2", 7), ("P0123-10", 123)])
def test_an_alias_has_the_number_of_its_patient(alias: str, number: int) -> None:
    assert patient_number(alias) == number
