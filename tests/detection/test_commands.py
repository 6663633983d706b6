"""Command lines answer at once, and tell the user's mistakes in one message."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from detection.commands import eval_main, predict_main, train_main
from detection.config import DetectionConfig
from lumbar.training.load import load_config, project_root
from lumbar.training.run_folder import RunFolder

ROOT = project_root()
Capture = pytest.CaptureFixture[str]


def test_help_and_configs_need_no_torch() -> None:
    program = (
        "import sys; from detection.commands import train_main\n"
        "train_main(['--help-config']); train_main(['--config', 'faster_rcnn_r50', '--print-config'])\n"
        "assert not {'torch', 'lightning'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "seed" in done.stdout


def test_printed_configs_read_back(tmp_path: Path, capsys: Capture) -> None:
    assert train_main(["--config", "faster_rcnn_r101", "--print-config", "seed=4"]) == 0
    (tmp_path / "whole.yaml").write_text(capsys.readouterr().out)

    config = load_config(DetectionConfig, tmp_path / "whole.yaml")

    assert config.seed == 4
    assert config.model.backbone.name == "resnet101"
    assert config.data.root == str(ROOT / "datasets" / "coco")


def test_paths_start_in_the_current_folder(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    train_main(["--config", "faster_rcnn_r50", "--print-config", "data.root=my"])

    assert f"root: {tmp_path}/my\n" in capsys.readouterr().out


def test_one_section_is_explained(capsys: Capture) -> None:
    assert train_main(["--help-config", "optim"]) == 0
    shown = capsys.readouterr().out

    assert "weight_decay" in shown
    assert "max_epochs" not in shown


def test_settings_may_stand_before_and_behind_options(capsys: Capture) -> None:
    assert train_main(["seed=4", "--config", "faster_rcnn_r50", "--print-config"]) == 0
    assert train_main(["--config", "faster_rcnn_r50", "seed=4", "--print-config"]) == 0
    arguments = ["--config", "faster_rcnn_r50", "seed=3", "--print-config", "seed=4"]
    assert train_main(arguments) == 0

    first, second, third = capsys.readouterr().out.split("preset: ")[1:]
    assert first == second == third


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--weights", "a.pth", "--predictions", "p.json", "--annotations", "t.json"],
        ["--predictions", "p.json"],
        ["--weights", "a.pth", "--annotations", "t.json"],
        ["--weights", "a.pth", "--split", "train"],
    ],
)
def test_an_evaluation_is_of_weights_or_of_files(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        eval_main(arguments)

    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_config_mistakes_exit_with_2_and_others_with_1(tmp_path: Path, capsys: Capture) -> None:
    assert train_main(["--config", "faster_rcnn_r50", "sed=4"]) == 2
    assert 'unknown key "sed", did you mean "seed"?' in capsys.readouterr().err
    assert eval_main(["--weights", f"{tmp_path}/gone.safetensors"]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/gone.safetensors: no such")
    assert predict_main(["--weights", "x", "gone.jpg", "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: gone.jpg: no image there")


def test_a_training_needs_a_config(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        train_main([])

    assert "--config is needed" in capsys.readouterr().err


def test_an_evaluation_prints_its_table(
    tmp_path: Path, run_folder: RunFolder, capsys: Capture
) -> None:
    arguments = ["--weights", str(run_folder.weights), "--split", "test"]

    assert eval_main([*arguments, "--output", str(tmp_path)]) == 0

    scores = json.loads((tmp_path / "results.json").read_text())["bbox"]
    lines = capsys.readouterr().out.splitlines()
    for name, value in scores.items():
        shown = "-1" if value == -1 else f"{value:.3f}"
        assert any(line.split()[:2] == [name, shown] for line in lines), name
