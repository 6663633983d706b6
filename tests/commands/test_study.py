"""Studies of any task are told apart by their files, shown, and refused where they cannot work."""

from pathlib import Path

import pytest

from classification.study_config import ClassifierStudyConfig
from detection.study_config import DetectorStudyConfig
from lumbar.commands.study import load_study, main
from lumbar.training.load import project_root

Capture = pytest.CaptureFixture[str]

STUDY = """\
task: TASK
base:
  data: {root: rel}
runs:
  a: {changes: [CHANGE]}
"""


def write_study(folder: Path, *, task: str = "detection", change: str = "seed=1") -> Path:
    """A study of one run."""
    path = folder / "study.yaml"
    path.write_text(STUDY.replace("TASK", task).replace("CHANGE", change))
    return path


@pytest.mark.parametrize(
    ("task", "kind"),
    [("classification", ClassifierStudyConfig), ("detection", DetectorStudyConfig)],
)
def test_the_file_says_what_is_studied(task: str, kind: type, tmp_path: Path) -> None:
    assert isinstance(load_study(write_study(tmp_path, task=task)), kind)


def test_a_study_is_shown_with_absolute_paths(tmp_path: Path, capsys: Capture) -> None:
    config = ["--config", str(write_study(tmp_path)), "--print-config"]

    assert main([*config, "base.optim.lr=0.7"]) == 0
    shown = capsys.readouterr().out
    assert f"root: {project_root() / 'rel'}" in shown
    assert "lr: 0.7" in shown


def test_paths_on_the_command_line_start_in_the_current_folder(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["--config", str(write_study(tmp_path)), "--print-config", "base.data.root=x"]) == 0

    assert f"root: {tmp_path / 'x'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"change": "sed=1"}, "sed"),
        ({"change": "loss.name=bce"}, "loss"),  # detectors have none to choose
        ({"task": "detecton"}, 'did you mean "detection"?'),
    ],
)
def test_mistakes_are_config_errors(
    settings: dict[str, str], message: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["--config", str(write_study(tmp_path, **settings))]) == 2

    assert message in capsys.readouterr().err


@pytest.mark.parametrize("task", ["classification", "detection"])
def test_a_study_without_networks_is_refused(task: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(f"task: {task}\n")

    assert main(["--config", str(path), "--output", str(tmp_path / "out")]) == 1

    assert "runs: there are none" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
