"""A fit begins with a study that is fit to be trained on, and goes on only with the same one."""

import logging
from pathlib import Path
from typing import Any

import pytest

from medical.learning.begin import Begun, begin, on_one_device
from medical.study.config import MedicalConfig
from tests.medical.learning.discs import small_config, write_pictures, write_scans


def begun(
    config: MedicalConfig, run: Path | None, *, resume: bool = False, **options: Any
) -> Begun:
    how = {"name": "discs", "resume": "auto" if resume else None, "anyway": False}
    return begin(config, output=run, **{**how, **options})


def test_cases_are_dealt_by_patient_and_written_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small_config(write_pictures(tmp_path / "data", 4, of_each=2), patient="(P\\d)_")
    with caplog.at_level(logging.INFO):
        found = begun(config, tmp_path / "run")

    assert [len(fold) for fold in found.splits] == [4, 4]
    assert found.held_out(0) + found.held_out(1) != [*range(8)]
    assert sorted(found.held_out(0) + found.held_out(1)) == [*range(8)]
    assert found.folder.read_splits() == found.splits
    assert found.num_slices == 8
    assert "8 of 4 patients, 8 slices" in caplog.text
    assert "32 x 32 (as the settings say)" in caplog.text


def test_what_was_assumed_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        begun(small_config(write_scans(tmp_path / "data", 3)), tmp_path / "run")

    assert "taken to be another patient" in caplog.text


def test_it_begins_again_where_it_was(tmp_path: Path) -> None:
    config = small_config(write_pictures(tmp_path / "data", 4))
    first = begun(config, tmp_path / "run")
    second = begun(config, tmp_path / "run", resume=True)

    assert second == first


def test_without_a_folder_runs_are_numbered_and_the_last_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = small_config(write_pictures(tmp_path / "data", 4))
    paths = [begun(config, None, resume=resume).folder.path for resume in (False, False, True)]

    assert [path.name for path in paths] == ["discs-1", "discs-2", "discs-2"]


def test_other_settings_are_refused_unless_they_teach_nothing(tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "data", 4)
    begun(small_config(data), tmp_path / "run")
    begun(small_config(data, workers=2, tolerance=3.0), tmp_path / "run", resume=True)

    other = small_config(data, lesion_share=0.2, epochs=3)
    with pytest.raises(ValueError, match=r"(?s)begun with other settings:.*epochs: 2 -> 3.*lesion"):
        begun(other, tmp_path / "run", resume=True)
    assert begun(other, tmp_path / "run", resume=True, anyway=True).config.epochs == 3
    half = other.trainer.model_copy(update={"precision": "bf16"})
    with pytest.raises(ValueError, match=r"trainer.precision: .*fp32.* -> .*bf16"):
        begun(other.model_copy(update={"trainer": half}), tmp_path / "run", resume=True)


def test_other_data_are_refused(tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "data", 4)
    begun(small_config(data), tmp_path / "run")
    (data / "masks" / "P0_0.png").write_bytes((data / "masks" / "P1_0.png").read_bytes())

    with pytest.raises(ValueError, match="not those that this fit began with"):
        begun(small_config(data), tmp_path / "run", resume=True, anyway=True)


def test_what_would_spoil_the_training_stops_it_before_there_is_a_folder(tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "data", 4)
    (data / "images" / "P2_0.png").write_bytes(b"no picture")

    with pytest.raises(ValueError, match=r"(?s)would spoil the training.*P2_0.*medical.py check"):
        begun(small_config(data), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_patient_is_too_few(tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "data", 1, of_each=4)

    with pytest.raises(ValueError, match="patient"):
        begun(small_config(data, patient="(P\\d)_"), tmp_path / "run")


def test_a_fit_is_on_one_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_one_device(small_config(tmp_path)).trainer.devices == 1
    trainer = small_config(tmp_path).trainer.model_copy(update={"devices": 2})
    with pytest.raises(ValueError, match="a fit trains on one device"):
        on_one_device(small_config(tmp_path).model_copy(update={"trainer": trainer}))
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    for name in ("TORCHELASTIC_RUN_ID", "GROUP_RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    with pytest.raises(ValueError, match="without torchrun"):
        on_one_device(small_config(tmp_path))
