"""What the command line of studies says before anything is read: it imports no torch, see the floors."""

from pathlib import Path

import pytest

from medical.commands import main
from medical.study.config import MedicalConfig

COMMANDS = ("check", "fit", "report", "predict", "export", "boxes", "froc")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {command} " in printed for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_by_its_own_name(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])

    assert stopped.value.code == 0
    assert f"usage: medical.py {command} " in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["fitt"], ["report"], ["predict", "run"]])
def test_what_is_missing_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_every_mistake_of_a_config_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study.yaml"
    study.write_text("data: x\nslizes: 3\nbudget: soon\n")

    assert main(["check", "--config", str(study)]) == 2

    printed = capsys.readouterr().err
    assert f'{study}:2: unknown key "slizes", did you mean "slices"?' in printed


def test_a_printed_config_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", "medical_nuclei", "--print-config", "folds=4"]) == 0

    printed = capsys.readouterr().out
    assert "folds: 4" in printed
    assert all(f"\n{key}:" in f"\n{printed}" for key in MedicalConfig.model_fields)


def test_a_study_that_is_nowhere_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "nowhere"

    assert main(["check", "--config", "medical_nuclei", f"data={where}"]) == 1

    assert str(where) in capsys.readouterr().err
