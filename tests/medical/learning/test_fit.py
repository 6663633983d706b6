"""A fit predicts every case by a model that has not seen its patient, and goes on where it was stopped."""

import csv
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from medical.learning.decision import case_dice
from medical.learning.fit import fit
from medical.learning.run import MedicalRun, StudyFolder, read_json
from medical.scans.read import read_volume
from medical.study.truth import read_truth
from segmentation.weights import load_segmenter
from tests.medical.learning.fits import PATIENTS, disc_config


def test_discs_are_found_in_pictures_of_others(finished: MedicalRun) -> None:
    scores = []
    for case in finished.study.cases:
        volume = read_volume(case.images)
        said = finished.out_of_fold.load(case.alias).astype(np.float32)
        labels = finished.decision.labels(finished.decision.calibrated(said))
        scores.append(case_dice(labels, read_truth(case, volume, finished.study.classes), 2)[1])

    assert len(scores) == 2 * PATIENTS
    assert np.mean(scores) > 0.7


def test_every_patient_is_held_out_once(finished: MedicalRun) -> None:
    patient = {case.alias: case.patient for case in finished.study.cases}
    held_out = [{patient[alias] for alias in fold} for fold in finished.splits]

    assert sorted(alias for fold in finished.splits for alias in fold) == sorted(patient)
    assert len(held_out[0] & held_out[1]) == 0
    assert len(held_out[0]) == len(held_out[1]) == PATIENTS / 2
    assert finished.out_of_fold.aliases() == tuple(sorted(patient))


def test_the_folder_holds_what_others_read(finished: MedicalRun) -> None:
    folder = finished.folder
    for number, path in enumerate(finished.fold_weights):
        saved = load_segmenter(str(path))
        assert path == folder.fold(number).weights
        assert saved.classes.names == ("background", "disc")
        assert saved.config.inference.window == finished.preprocess.tile
        assert read_json(folder.fold(number).path / "took.json").keys() >= {
            "training",
            "prediction",
        }
    assert read_json(folder.resolved)["data_hash"]
    assert read_json(folder.decision) == finished.decision.to_dict()
    with folder.key.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [tuple(row.values()) for row in rows] == [*finished.study.key]
    assert folder.key.stat().st_mode & 0o077 == 0


def test_no_checkpoint_is_the_best(finished: MedicalRun) -> None:
    for number in range(2):
        assert not finished.folder.fold(number).best.is_file()


def test_a_finished_fit_is_only_summed_up_again(
    finished: MedicalRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.path, run, copy_function=shutil.copy2)
    config = finished.config
    (run / "decision.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in run.glob("fold*/*.safetensors")}
    with caplog.at_level(logging.INFO):
        again = fit(config, name="discs", output=run, resume="auto")

    assert again.decision == finished.decision
    assert before == {path: path.stat().st_mtime_ns for path in run.glob("fold*/*.safetensors")}
    assert "disc        0." in caplog.text
    assert "fold 1 of" not in caplog.text


def test_a_fold_that_is_gone_is_trained_again_to_the_same_weights(
    finished: MedicalRun, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.path, run)
    shutil.rmtree(run / "fold1")
    lost = finished.splits[1][0]
    (run / "out_of_fold" / f"{lost}.npz").unlink()
    again = fit(finished.config, name="discs", output=run, resume="auto")

    one, two = (load_segmenter(str(run.fold_weights[1])).state for run in (again, finished))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    np.testing.assert_array_equal(again.out_of_fold.load(lost), finished.out_of_fold.load(lost))
    assert again.decision == finished.decision


def test_another_fit_in_the_folder_is_refused(finished: MedicalRun) -> None:
    with pytest.raises(ValueError, match=r"is not empty: .* --resume auto"):
        fit(finished.config, name="discs", output=finished.path)


def test_a_checkpoint_is_not_what_a_fit_resumes_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="each fold has a checkpoint of its own; say auto"):
        fit(disc_config(tmp_path), name="discs", output=tmp_path / "run", resume="last.ckpt")
    assert not StudyFolder(tmp_path / "run").splits.exists()
