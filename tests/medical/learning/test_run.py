"""What a fit leaves behind is read again, or said to be missing."""

import shutil
from pathlib import Path

import pytest

from medical.learning.run import MedicalRun, StudyFolder, read_json


def test_a_finished_fit_is_opened_as_it_was(finished: MedicalRun) -> None:
    again = MedicalRun.open(finished.path)

    assert again.config == finished.config
    assert again.study.cases == finished.study.cases
    assert again.preprocess == finished.preprocess
    assert again.preprocess.tile == (32, 32)
    assert again.splits == finished.splits
    assert again.decision == finished.decision
    assert all(path.is_file() for path in again.fold_weights)


def test_each_case_is_of_one_fold(finished: MedicalRun) -> None:
    for number, aliases in enumerate(finished.splits):
        assert {finished.fold_of(alias) for alias in aliases} == {number}
    with pytest.raises(ValueError, match="no fold holds out the case P999-1"):
        finished.fold_of("P999-1")


def test_other_folders_are_no_runs(finished: MedicalRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run of fit"):
        MedicalRun.open(tmp_path)
    for file in ("splits.json", "config.yaml", "resolved.json"):
        shutil.copy(finished.path / file, tmp_path)
    with pytest.raises(ValueError, match="not finished: go on with fit --resume auto"):
        MedicalRun.open(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    folder.splits.write_text("[1, 2")
    with pytest.raises(ValueError, match=r"splits\.json: cannot be read"):
        folder.read_splits()
    folder.splits.write_text("[1, 2]")
    with pytest.raises(ValueError, match="no object of JSON"):
        read_json(folder.splits)


def test_splits_survive_a_file(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    folder.write_splits([["P001-1", "P003-1"], ["P002-1"]])

    assert folder.read_splits() == (("P001-1", "P003-1"), ("P002-1",))
