"""The cases of a study: files, patients, aliases, classes, and what was assumed about them."""

import json
from pathlib import Path

import numpy as np
import pytest

from medical.study.cases import find_study
from tests.medical.study.studies import settings, write_picture, write_pictures


def test_the_shared_nuclei_are_one_study(shared_data: Path) -> None:
    study = find_study(
        settings(shared_data / "nuclei", classes={"background": 0, "nucleus": "any"})
    )

    assert len(study.cases) == len(study.patients) == 330
    assert {case.name.split("/")[0] for case in study.cases} == {"train", "val", "test"}
    assert study.suspicion is None


def test_the_shared_hippocampi_are_one_study(shared_data: Path) -> None:
    study = find_study(settings(shared_data / "hippocampus"))

    assert len(study.cases) == 200
    assert (study.cases[0].name, study.cases[0].alias) == ("hippocampus_003", "P001-1")
    assert study.suspicion is None


def test_without_patients_it_is_said_that_each_case_is_another(tmp_path: Path) -> None:
    study = find_study(settings(write_pictures(tmp_path, "P1_a", "P1_b", "P2_a")))

    assert [case.patient for case in study.cases] == ["P1_a", "P1_b", "P2_a"]
    assert "Each of the 3 cases is taken to be another patient" in study.assumptions[0]
    assert study.suspicion is not None
    assert study.suspicion.pattern == r"(P\d+)"


def test_a_pattern_groups_cases_and_nothing_is_assumed(tmp_path: Path) -> None:
    write_pictures(tmp_path, "P10_a", "P9_b", "P9_a")

    study = find_study(settings(tmp_path, patient=r"(P\d+)"))

    assert [(case.name, case.alias) for case in study.cases] == [
        ("P9_a", "P001-1"),
        ("P9_b", "P001-2"),
        ("P10_a", "P002-1"),
    ]
    assert not study.assumptions
    assert study.suspicion is None
    assert study.key == (
        ("P001-1", "P9_a", "P9"),
        ("P001-2", "P9_b", "P9"),
        ("P002-1", "P10_a", "P10"),
    )


def test_a_table_tells_patients_and_strata(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a", "b")
    text = "case,patient,site,patient_name\na,7,north,Smith\nb,7,south,Smith\n"
    (tmp_path / "cases.csv").write_text(text)

    study = find_study(settings(tmp_path))

    assert [case.alias for case in study.cases] == ["P001-1", "P001-2"]
    assert [dict(case.strata) for case in study.cases] == [{"site": "north"}, {"site": "south"}]
    assert "patient_name" in " ".join(study.assumptions)
    assert "Smith" not in repr(study)


def test_the_table_may_lie_elsewhere(tmp_path: Path) -> None:
    write_pictures(tmp_path / "data", "a", "b")
    (tmp_path / "t.csv").write_text("case,site\na,north\nb,south\n")

    study = find_study(settings(tmp_path / "data", cases=str(tmp_path / "t.csv")))

    assert study.cases[0].strata == {"site": "north"}
    with pytest.raises(ValueError, match="no such table"):
        find_study(settings(tmp_path / "data", cases=str(tmp_path / "u.csv")))


def test_cases_without_a_patient_in_the_table_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a", "b")
    (tmp_path / "cases.csv").write_text("case,patient\na,7\n")

    with pytest.raises(ValueError, match=r"without a patient \(1 in all\):\s+b"):
        find_study(settings(tmp_path))


def test_classes_of_nnunet_are_taken_over_and_said(tmp_path: Path) -> None:
    for folder, name in (("imagesTr", "a_0000"), ("labelsTr", "a")):
        write_picture(tmp_path / folder / f"{name}.png", np.zeros((8, 8), np.uint8))
    description = {"labels": {"background": 0, "cyst": 1}, "file_ending": ".png"}
    (tmp_path / "dataset.json").write_text(json.dumps(description))

    study = find_study(settings(tmp_path, classes={}))

    assert study.classes.names == ("background", "cyst")
    assert "{background: 0, cyst: 1}" in study.assumptions[0]
    with pytest.raises(ValueError, match="cyst"):
        find_study(settings(tmp_path, classes={"background": 0, "tumour": 2}))


def test_without_classes_the_values_of_the_masks_are_told(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a", "b")

    with pytest.raises(ValueError, match=r"`classes: \{background: 0, class_1: 1\}`"):
        find_study(settings(tmp_path, classes={}))


@pytest.mark.parametrize("data", ["", "nowhere"])
def test_a_missing_folder_is_named(data: str) -> None:
    with pytest.raises(ValueError, match=r"data: (name the folder|no such folder)"):
        find_study(settings(data))
