"""Cases are grouped by patients, and called by numbers that name nobody."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.study.patients import aliases, by_pattern, natural, suspicion

NAMES = st.lists(st.sampled_from([f"p{k}" for k in range(12)]), min_size=1, max_size=40)


def test_the_group_of_the_expression_is_the_patient() -> None:
    assert by_pattern(["x/P01_a", "x/P01_b", "P02"], r"(P\d+)") == ["P01", "P01", "P02"]


def test_names_without_a_patient_are_listed() -> None:
    with pytest.raises(ValueError, match="x/Q1"):
        by_pattern(["P1", "x/Q1"], r"(P\d+)")


@given(NAMES)
def test_an_alias_is_unique_and_its_number_the_patients(patients: list[str]) -> None:
    found = aliases(patients)

    assert len({*found}) == len(found)
    of_patient = {
        (patient, alias.split("-")[0]) for patient, alias in zip(patients, found, strict=True)
    }
    assert len(of_patient) == len({*patients}) == len({number for _, number in of_patient})
    assert all(re.fullmatch(r"P\d{3}-\d+", alias) for alias in found)


@given(NAMES)
def test_aliases_follow_the_order_of_the_patients_alone(patients: list[str]) -> None:
    ordered = sorted(patients, key=natural)

    numbers = [alias.split("-")[0] for alias in aliases(ordered)]

    assert numbers == sorted(numbers)
    assert {*aliases(patients)} == {*aliases(ordered)}


def test_numbers_have_as_many_digits_as_they_need() -> None:
    assert aliases([f"{k}" for k in range(1200)])[0] == "P0001-1"
    assert aliases(["case10", "case9", "case9"]) == ["P002-1", "P001-1", "P001-2"]


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["P001_a", "P001_b", "P002_a", "P002_b"], r"(P\d+)"),
        (["train/P1-left", "train/P1-right", "train/P2-left"], r"(P\d+)"),
        (["12/slice1", "12/slice2", "13/slice1"], None),
        (["P1a", "P1b", "P2a"], r"(P\d+)"),
        (["a1_x", "a1_y", "b2_x", "b2_y"], None),
    ],
)
def test_names_like_those_of_one_patient_are_pointed_out(
    names: list[str], pattern: str | None
) -> None:
    found = suspicion(names)

    assert found is not None
    assert found.pattern == (pattern or found.pattern)
    patients = by_pattern(names, found.pattern)
    grouped = {
        patient: tuple(n for n, p in zip(names, patients, strict=True) if p == patient)
        for patient in patients
    }
    assert {patient: own for patient, own in grouped.items() if len(own) > 1} == found.groups


@pytest.mark.parametrize(
    "names",
    [
        [f"hippocampus_{k:03d}" for k in range(50)],
        ["003cee89357d", "00ae65c1c663", "01d44a26f668"],
        [f"train/{k}" for k in range(9)] + [f"val/{k}" for k in range(9)],
        ["anna", "bert"],
        ["study1_a", "study1_b"],
    ],
)
def test_numbered_cases_and_folders_of_splits_are_no_patients(names: list[str]) -> None:
    assert suspicion(names) is None
