"""Every case is read with the prediction of the fold that has not seen it, or the reason is told why not."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medical.learning.run import MedicalRun
from medical.report.held_out import held_out_cases, read_held_out


def test_every_case_comes_once_with_its_own_fold(nuclei: MedicalRun) -> None:
    found = [(one.case.alias, one.fold) for one in held_out_cases(nuclei, "looking")]

    assert sorted(alias for alias, _ in found) == sorted(nuclei.out_of_fold.aliases())
    assert all(alias in nuclei.splits[fold] for alias, fold in found)


def test_volume_truth_and_prediction_have_one_shape(hippocampus: MedicalRun) -> None:
    found = read_held_out(hippocampus, hippocampus.study.cases[0])

    assert found.truth.shape == found.volume.pixels.shape[:3] == found.probabilities.shape[1:]
    assert found.spacing == (1.0, 1.0, 1.0)
    np.testing.assert_allclose(found.probabilities.sum(0), 1, atol=2e-3)


def test_pictures_have_no_millimetres(nuclei: MedicalRun) -> None:
    assert read_held_out(nuclei, nuclei.study.cases[0]).spacing is None


def copied(run: MedicalRun, folder: Path) -> MedicalRun:
    shutil.copytree(run.path, folder)
    return replace(run, path=folder)


def test_a_prediction_of_other_data_is_told(nuclei: MedicalRun, tmp_path: Path) -> None:
    run = copied(nuclei, tmp_path / "run")
    alias = run.study.cases[0].alias
    run.out_of_fold.save(alias, np.zeros((2, 1, 5, 5), np.float32))

    with pytest.raises(ValueError, match=rf"{alias} has the shape \(2, 1, 5, 5\).*have changed"):
        read_held_out(run, run.study.cases[0])


def test_a_missing_prediction_is_told_before_anything_is_read(
    nuclei: MedicalRun, tmp_path: Path
) -> None:
    run = copied(nuclei, tmp_path / "run")
    (run.path / "out_of_fold" / "P002-1.npz").unlink()

    with pytest.raises(ValueError, match=r"1 of 12 cases have no prediction \(P002-1 is one\)"):
        next(held_out_cases(run, "looking"))
