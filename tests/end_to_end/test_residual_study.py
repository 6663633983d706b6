"""A study from the command line goes on where it was stopped, and ends with its table and figure."""

import time
from pathlib import Path

from lumbar.training.load import dump_config
from tests.classification.small_study import small_study
from tests.end_to_end.shell import TOOLS, complain, succeed
from tests.processes import start_script


def test_a_stopped_study_goes_on(examples: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(dump_config(small_study(examples)))
    command = ("--config", "small.yaml", "--output", "out")

    script, printed = TOOLS / "residual_study.py", tmp_path / "printed"
    process = start_script(script, *command, folder=tmp_path, output=printed)
    first = tmp_path / "out" / "plain-seed0" / "model.safetensors"
    second = tmp_path / "out" / "residual-seed0" / "config.yaml"
    while process.is_alive() and not second.is_file():
        time.sleep(0.05)
    process.terminate()
    process.join()
    assert not (tmp_path / "out" / "error.md").exists()
    written = first.stat().st_mtime_ns

    shown = succeed("residual_study", *command, folder=tmp_path)

    assert first.stat().st_mtime_ns == written
    assert (tmp_path / "out" / "error.md").read_text().strip() in shown
    assert (tmp_path / "out" / "error.svg").is_file()


def test_mistakes_are_one_message(tmp_path: Path) -> None:
    message = complain("residual_study", "--config", "study_dept.yaml", folder=tmp_path)

    assert 'did you mean "study_depth.yaml"?' in message
