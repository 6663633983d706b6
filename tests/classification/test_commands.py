"""The command lines answer as users expect."""

import pytest

from classification.commands import eval_main, train_main
from lumbar.training.run_folder import RunFolder

Capture = pytest.CaptureFixture[str]


def test_settings_are_shown_and_explained(run_folder: RunFolder, capsys: Capture) -> None:
    assert train_main(["--config", str(run_folder.config), "--print-config", "seed=4"]) == 0
    assert "seed: 4" in capsys.readouterr().out
    assert train_main(["--help-config", "mix"]) == 0
    assert "cutmix" in capsys.readouterr().out


def test_mistakes_have_a_place_and_an_exit_code(run_folder: RunFolder, capsys: Capture) -> None:
    assert train_main(["--config", str(run_folder.config), "loss.name=softmx"]) == 2
    assert "softmax" in capsys.readouterr().err
    assert eval_main(["--weights", "gone.safetensors"]) == 1
    assert capsys.readouterr().err.startswith("error: gone.safetensors: no such weights file")


def test_an_evaluation_prints_its_table(run_folder: RunFolder, capsys: Capture) -> None:
    command = ["--weights", str(run_folder.weights), "trainer.progress=none"]

    assert eval_main(command) == 0
    assert "12 images of 3 classes" in capsys.readouterr().out
    assert eval_main([*command, "--split", "test", "--features"]) == 0
    shown = capsys.readouterr().out
    assert "9 images of 3 classes" in shown
    assert "area under ROC" in shown
