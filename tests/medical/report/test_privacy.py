"""Columns that could tell who somebody is are refused, and names are struck out of whatever is quoted."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.report.privacy import HIDDEN, Names, public_config
from medical.study.cases import Case, Study

CLASSES = PixelClasses.parse({"background": 0, "tumour": 1})


def study(*cases: Case) -> Study:
    return Study(cases, CLASSES)


def case(name: str, patient: str, strata: Mapping[str, str] | None = None) -> Case:
    files = (Path("data/images", f"{name}.nii.gz"),)
    return Case(name, files, None, patient, "P001-1", strata or {})


@pytest.mark.parametrize(
    "column",
    [
        *("name", "Patient", "patient_name", "Vorname", "birth date", "geburtsdatum", "DOB"),
        *("mrn", "study_id", "ID", "id-nr", "accession", "e-mail", "scan date", "comment"),
    ],
)
def test_columns_that_could_tell_are_refused(column: str) -> None:
    one = study(case("a", "a", {column: "x", "site": "north"}))

    assert Names(one).strata(one) == (("site",), (column,))


@pytest.mark.parametrize(
    "column", ["site", "sex", "age group", "grade", "stain", "scanner", "width", "midline"]
)
def test_columns_that_say_what_a_case_is_like_are_shown(column: str) -> None:
    one = study(case("a", "a", {column: "x"}))

    assert Names(one).strata(one).shown == (column,)


def test_a_column_with_a_name_in_it_is_refused_however_it_is_called() -> None:
    one = study(case("Lindqvist_1", "Lindqvist", {"reader": "seen by lindqvist"}), case("b", "b"))

    assert Names(one).strata(one).refused == ("reader",)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the mask of Lindqvist_Anna_2 is empty", f"the mask of {HIDDEN} is empty"),
        ("LINDQVIST, and anna!", f"{HIDDEN}, and {HIDDEN}!"),
        ("a file in clinic7/Lindqvist_Anna_2.nii.gz", f"a file in {HIDDEN}.nii.gz"),
        ("hannah and the images stay", "hannah and the images stay"),
    ],
)
def test_names_are_struck_out_of_text(text: str, shown: str) -> None:
    names = Names(study(case("clinic7/Lindqvist_Anna_2", "Lindqvist_Anna")))

    assert names.hide(text) == shown


def test_words_that_many_patients_share_name_nobody() -> None:
    cases = [case(f"benign_{name}", name, {"kind": "benign"}) for name in ("Ann1", "Bob1", "Eve1")]
    many = study(*cases, case("Bob2", "Bob2", {"kind": "benign"}))

    assert Names(many).strata(many).shown == ("kind",)
    assert (
        Names(many).hide("benign ann, bob2 and eve3") == f"benign {HIDDEN}, {HIDDEN} and {HIDDEN}"
    )


def test_nothing_is_struck_out_where_there_are_no_names() -> None:
    assert Names(study()).hide("as it is") == "as it is"
    assert Names(study(case("1", "1"))).hide("case 1 of 11") == "case 1 of 11"


def test_settings_are_shown_without_paths_and_names() -> None:
    names = Names(study(case("Lindqvist", "Lindqvist")))
    config = {
        "data": "/home/anna/Lindqvist",
        "patient": "(Lindqvist|b)",
        "cases": "",
        "folds": 3,
        "model": {"weights": "/home/anna/weights.pth", "kinds": ["a", "of Lindqvist"]},
        "budget": None,
    }

    assert public_config(config, names) == {
        "data": HIDDEN,
        "patient": HIDDEN,
        "cases": "",
        "folds": 3,
        "model": {"weights": "weights.pth", "kinds": ["a", f"of {HIDDEN}"]},
        "budget": None,
    }
