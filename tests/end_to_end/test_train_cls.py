"""Training and evaluating a classifier from the command line, from any folder, on one process and two."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from lumbar.training.checkpoint import load_weights
from lumbar.training.load import dump_config
from lumbar.training.run_folder import RunFolder
from tests.classification.runs import NAMES, tiny_run
from tests.end_to_end.shell import complain, run_tool, succeed

MIXED = ("mix.mixup=0.4", "mix.cutmix=1.0", "optim.name=sgd", "optim.lr=0.02")


@pytest.fixture(scope="module")
def config(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings of a run of two epochs of three steps."""
    path = tmp_path_factory.mktemp("configs") / "small_cls.yaml"
    path.write_text(dump_config(tiny_run(examples, ["trainer.progress=plain"])))
    return path


@pytest.fixture(scope="module")
def trained(config: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    """The folder of a run, and what it printed."""
    folder = tmp_path_factory.mktemp("work")
    output = succeed("train_cls", "--config", config, *MIXED, folder=folder)
    return RunFolder(folder / "runs" / "small_cls-1"), output


def test_a_run_writes_the_whole_run_folder(trained: tuple[RunFolder, str]) -> None:
    folder, output = trained

    assert {str(path.relative_to(folder.path)) for path in folder.path.rglob("*.*")} == {
        *("config.yaml", "metrics.csv", "results.json", "model.safetensors"),
        *(f"checkpoints/{name}.ckpt" for name in ("last", "best")),
        *(
            f"pictures/{name}.jpg"
            for name in ("train_batch", "val_predictions", "test_predictions")
        ),
    }
    with safe_open(folder.weights, "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["class_names"])["names"] == [*NAMES]
    assert metadata["arch"] == "resnet18"
    for shown in ("24 to train, 12 to validate", "3: RBC, WBC, Platelets", "9 images of 3 classes"):
        assert shown in output


def test_two_processes_train_the_weights_of_one(
    config: Path, trained: tuple[RunFolder, str], tmp_path: Path
) -> None:
    """With mixed images, too: neighbours in a batch of even size are neighbours on any number of ranks."""
    changes = ("trainer.devices=2", "data.batch_size_per_device=4")
    command = ("--config", config, *MIXED, *changes)
    output = succeed("train_cls", *command, folder=tmp_path)

    two, one = RunFolder(tmp_path / "runs" / "small_cls-1"), trained[0]
    expected = load_weights(one.weights)[0]
    for name, value in load_weights(two.weights)[0].items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-4)
    assert output.count("9 images of 3 classes") == 1
    assert json.loads(two.results.read_text())["num_images"] == 9


def test_weights_score_as_in_their_run(trained: tuple[RunFolder, str], tmp_path: Path) -> None:
    run, _ = trained

    command = ("--weights", run.weights, "--split", "test", "--output", tmp_path)
    shown = succeed("eval_cls", *command, folder=tmp_path)

    assert (tmp_path / "results.json").read_text() == run.results.read_text()
    assert "images by their class (rows)" in shown


def test_features_are_scored_and_written(trained: tuple[RunFolder, str], tmp_path: Path) -> None:
    command = ("--weights", trained[0].weights, "--features", "--output", "found")
    shown = succeed("eval_cls", *command, folder=tmp_path)

    assert "nearest neighbours" in shown
    names = {path.name for path in (tmp_path / "found").iterdir()}
    assert names == {"results.json", "train_features.npz", "val_features.npz"}


def test_mistakes_are_one_message(config: Path, tmp_path: Path) -> None:
    code, message = run_tool("train_cls", "--config", config, "loss.nam=x", folder=tmp_path)
    assert (code, message.splitlines()[0]) == (2, "config error:")
    assert "data.train.images: no such file of CIFAR" in complain(
        "train_cls",
        *("--config", config, "data.root=here", "data.train.annotations=''"),
        folder=tmp_path,
    )
    assert "gone: no such weights file" in complain(
        "eval_cls", "--weights", "gone", folder=tmp_path
    )
    assert not list(tmp_path.iterdir())
