"""The words at the top say what the numbers below say, and what they rest on."""

from dataclasses import replace

import pytest

from medical.learning.run import MedicalRun
from medical.pages.blocks import Notes
from medical.report.privacy import Names
from medical.report.rows import Scored
from medical.report.words import notes, review_sentence, tiles
from medical.scores.calibration import ReviewCut
from tests.medical.report.made_run import SURNAMES


def told(run: MedicalRun, scored: Scored) -> Notes:
    return notes(run, scored, scored.table.summary(), Names(run.study))


def texts(run: MedicalRun, scored: Scored) -> str:
    return "\n".join(note.text for note in told(run, scored).notes)


def test_tiles_hold_the_means_with_their_intervals(scored_nuclei: Scored) -> None:
    summary = scored_nuclei.table.summary()

    found = {tile.label: tile for tile in tiles(scored_nuclei, summary).tiles}

    mean = summary.mean["case/dice"]
    assert found["Dice, mean over cases"].value == f"{mean.value:.3f}"
    assert found["Dice, mean over cases"].detail == f"95 %: {mean.low:.3f} to {mean.high:.3f}"
    assert "HD95 in pixels" in found


def test_tiles_count_what_is_missed_and_what_is_empty(scored_nuclei: Scored) -> None:
    missed = tiles(scored_nuclei, scored_nuclei.table.summary()).tiles[-1]

    assert (missed.value, missed.detail) == ("1", "of 10 with something to find")
    assert (
        "Of 2 cases with nothing to find, 1 had a false alarm and 1 was rightly" in missed.meaning
    )


def test_without_healthy_cases_nothing_is_said_of_false_alarms(scored_hippocampus: Scored) -> None:
    missed = tiles(scored_hippocampus, scored_hippocampus.table.summary()).tiles[-1]

    assert "nothing is known about false alarms" in missed.meaning


def test_misses_and_false_alarms_are_warned_of(nuclei: MedicalRun, scored_nuclei: Scored) -> None:
    warned = [note.text for note in told(nuclei, scored_nuclei).notes if note.level == "warn"]

    assert any("Wholly missed: nucleus in 1 case" in text for text in warned)
    assert any("False alarms" in text for text in warned)
    assert any("6 patients" in text for text in warned)


def test_it_says_how_it_was_judged(nuclei: MedicalRun, scored_nuclei: Scored) -> None:
    uncrossed = replace(scored_nuclei, decisions=replace(scored_nuclei.decisions, crossed=False))

    assert "cross-fitted: for each fold" in texts(nuclei, scored_nuclei)
    assert "fitted on the very cases that are judged here" in texts(nuclei, uncrossed)


def test_assumptions_are_quoted_without_names(
    hippocampus: MedicalRun, scored_hippocampus: Scored
) -> None:
    assumed = (f"The folder of {SURNAMES[0]} was left out.",)
    run = replace(hippocampus, study=replace(hippocampus.study, assumptions=assumed))

    assert "The folder of (hidden) was left out." in texts(run, scored_hippocampus)
    assert "taken to be another patient" in texts(hippocampus, scored_hippocampus)


def test_columns_that_are_left_out_are_counted_not_named(
    nuclei: MedicalRun, scored_nuclei: Scored
) -> None:
    assert "2 further columns of the table" in texts(nuclei, scored_nuclei)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (None, "too few cases"),
        (
            ReviewCut(0.7, 50, 10, 7, 10, 0.5, 0.9, 0.8),
            "10 of 50 cases to a person, and 7 of the 10",
        ),
        (ReviewCut(0.7, 6, 1, 1, 1, 0.5, 0.9, 0.8), "the worst one is among them"),
        (ReviewCut(0.7, 6, 1, 0, 1, 0.5, 0.9, 0.8), "the worst one is not among them"),
    ],
)
def test_the_flag_is_told_by_what_it_catches(cut: ReviewCut | None, expected: str) -> None:
    assert expected in review_sentence(cut)
