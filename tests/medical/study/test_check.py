"""The command writes a page, its facts and proposed settings, and says in a few lines what is to be mended."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from lumbar.training.load import load_config
from medical.study.check import check
from medical.study.config import MedicalConfig
from tests.medical.study.studies import settings, write_picture, write_pictures


def test_a_ready_study_becomes_three_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = settings(write_pictures(tmp_path / "data", *"abcd"))

    findings = check(config, config_name="cells", output=tmp_path / "out")

    assert findings.ready
    assert "cells: ready, 4 cases of 4 patients, 0 to mend" in caplog.text
    assert "<!doctype html>" in (tmp_path / "out/check.html").read_text(encoding="utf-8")
    saved = json.loads((tmp_path / "out/check.json").read_text(encoding="utf-8"))
    assert (saved["ready"], len(saved["cases"])) == (True, 4)
    assert saved["settings"]["modality"] == "gray"
    proposed = load_config(MedicalConfig, tmp_path / "out/proposed.yaml")
    assert (proposed.data, proposed.modality) == (config.data, "gray")


def test_what_is_wrong_is_told_with_files_and_fixes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    root = write_pictures(tmp_path / "data", *"abcdefghi")
    for name in "abcdefg":
        write_picture(root / f"masks/{name}.png", np.full((48, 64), 7, np.uint8))

    findings = check(settings(root), config_name="cells", output=tmp_path / "out")

    assert not findings.ready
    lines = caplog.text.splitlines()
    assert any("NOT READY" in line and "1 to mend" in line for line in lines)
    assert any(line.startswith("FATAL: 7 masks have values") for line in lines)
    assert "    and 2 more" in lines
    assert any(line.startswith("    -> write `classes: ") for line in lines)
    assert "to be mended first" in (tmp_path / "out/proposed.yaml").read_text(encoding="utf-8")


def test_where_nothing_can_be_read_nothing_is_proposed(tmp_path: Path) -> None:
    root = write_pictures(tmp_path / "data", "a", "b")
    for image in (root / "images").iterdir():
        image.write_bytes(b"")

    assert not check(settings(root), config_name="x", output=tmp_path / "out").ready
    assert not (tmp_path / "out/proposed.yaml").exists()
    saved = json.loads((tmp_path / "out/check.json").read_text(encoding="utf-8"))
    assert (saved["settings"], saved["cases"]) == (None, [])


def test_files_without_a_partner_stop_the_check(tmp_path: Path) -> None:
    root = write_pictures(tmp_path / "data", "a", "b")
    (root / "masks/a.png").unlink()

    with pytest.raises(ValueError, match="do not pair up"):
        check(settings(root), config_name="x", output=tmp_path / "out")

    assert not (tmp_path / "out").exists()
