"""Too few patients, several cases that look like one patient's, and the same image under two names are told."""

from pathlib import Path
from typing import Any

import pytest

from medical.study.cases import Case, Study, find_study
from medical.study.duplicates import Duplicate
from medical.study.finding import Finding
from medical.study.patient_findings import patient_findings
from tests.medical.study.studies import PARSED, facts_of, settings, write_pictures


def found_for(
    *patients: str, duplicates: tuple[Duplicate, ...] = (), **changes: Any
) -> list[Finding]:
    """Findings of a study with a case for each of these."""
    cases = tuple(
        Case(f"case{k}", (Path(f"{k}.png"),), Path(f"{k}.png"), patient, f"P{k}-1")
        for k, patient in enumerate(patients)
    )
    return [*patient_findings(settings(**changes), Study(cases, PARSED), duplicates)]


def pair(**changes: Any) -> Duplicate:
    """Two cases that show the same."""
    return Duplicate(facts_of(1), facts_of(2, **changes), 0.9)


def test_enough_patients_are_not_mentioned() -> None:
    assert not found_for("a", "b", "c", folds=3)


@pytest.mark.parametrize(
    ("patients", "name", "fix"),
    [
        (("a",), "a single case", "annotate"),
        (("a", "a", "a"), "a single patient", "`patient`"),
        (("a", "a", "b", "c"), "too few patients", "`folds: 3`"),
    ],
)
def test_too_few_patients_are_fatal(patients: tuple[str, ...], name: str, fix: str) -> None:
    (finding,) = found_for(*patients, folds=4)

    assert (finding.severity, finding.name) == ("fatal", name)
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("changes", "severity", "text"),
    [
        ({}, "fatal", "nearly the same"),
        ({"digest": facts_of(1).digest}, "fatal", "masks of 1 of 1 pairs differ"),
        ({"patient": "case1"}, "note", "nearly the same"),
    ],
)
def test_duplicates_are_fatal_across_patients_only(
    changes: dict[str, str], severity: str, text: str
) -> None:
    (finding,) = found_for("a", "b", duplicates=(pair(**changes),))

    assert (finding.severity, finding.where) == (severity, ("case1, case2 (likeness 0.90)",))
    assert text in finding.what


@pytest.mark.parametrize("names", [("case1", "case2"), ("case2", "case1")])
def test_a_pair_that_was_told_apart_is_no_duplicate(names: tuple[str, str]) -> None:
    (refused,) = found_for("a", "b", "c", duplicates=(pair(),))

    assert "`distinct: [[case1, case2]]`" in refused.fix
    assert not found_for("a", "b", "c", folds=3, duplicates=(pair(),), distinct=(names,))


def test_equal_pixels_cannot_be_told_apart() -> None:
    copies = (pair(digest=facts_of(1).digest),)

    (finding,) = found_for("a", "b", "c", duplicates=copies, distinct=(("case1", "case2"),))

    assert finding.severity == "fatal"
    assert "distinct" not in finding.fix


def test_names_to_tell_apart_are_names_of_cases() -> None:
    (finding,) = found_for("a", "b", "c", distinct=(("case1", "case9"),))

    assert (finding.severity, finding.where) == ("fatal", ("case9",))


def test_names_of_one_patient_are_a_warning_with_the_pattern(tmp_path: Path) -> None:
    study = find_study(settings(write_pictures(tmp_path, "P1_a", "P1_b", "P2_a")))

    warning, note = patient_findings(settings(tmp_path), study, ())

    assert (warning.severity, note.severity) == ("warning", "note")
    assert warning.where == ("P1_a, P1_b",)
    assert r"`patient: (P\d+)`" in warning.fix
    assert "another patient" in note.what
