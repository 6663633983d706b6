"""Training a segmenter from the command line, from any folder: what it leaves, and what it says when it cannot."""

import csv
import json
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from lumbar.training.checkpoint import AtomicCheckpointIO, load_weights
from lumbar.training.run_folder import RunFolder
from tests.end_to_end.shell import TOOLS, complain, run_tool, succeed
from tests.processes import start_script
from tests.segmentation.mask_set import NAMES

Trained = tuple[RunFolder, str]
MANY_STEPS = ("trainer.max_epochs=3", "trainer.save_every_steps=1")


def test_a_run_writes_the_whole_run_folder(trained_seg: Trained, masks: Path) -> None:
    folder, output = trained_seg

    assert {str(path.relative_to(folder.path)) for path in folder.path.rglob("*.*")} == {
        *("config.yaml", "metrics.csv", "results.json", "model.safetensors"),
        *(f"checkpoints/{name}.ckpt" for name in ("last", "best")),
        *(
            f"pictures/{name}.jpg"
            for name in ("train_batch", "val_predictions", "test_predictions")
        ),
    }
    assert f"root: {masks}\n" in folder.config.read_text()
    with folder.metrics.open(newline="") as file:
        assert {"train/loss", "train/lr", "val/loss", "val/mean_iou"} <= {*next(csv.reader(file))}
    with safe_open(folder.weights, "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["classes"])["names"] == [*NAMES]
    assert json.loads(metadata["config"])["task"] == "multiclass"
    for shown in ("8 to train, 3 to validate", "3: background, disc, square", "resnet18 with head"):
        assert shown in output


def test_the_table_and_the_results_say_how_is_scored(trained_seg: Trained) -> None:
    folder, output = trained_seg
    results = json.loads(folder.results.read_text())

    assert "masks of 2 images, means without background" in output
    for name, value in results["summary"].items():
        assert any(line.split()[:2] == [name, f"{value:.3f}"] for line in output.splitlines())
    assert results["per_class"].keys() == {*NAMES}
    assert results["num_images"] == 2


def test_a_stopped_run_goes_on_to_the_same_bits(small_seg_config: Path, tmp_path: Path) -> None:
    command = ("--config", small_seg_config, *MANY_STEPS, "--output")
    succeed("train_seg", *command, "whole", folder=tmp_path)
    stopped, whole = RunFolder(tmp_path / "stopped"), RunFolder(tmp_path / "whole")

    script, printed = TOOLS / "train_seg.py", tmp_path / "printed"
    process = start_script(script, *command, "stopped", folder=tmp_path, output=printed)
    while process.is_alive() and not stopped.last.is_file():
        time.sleep(0.05)
    process.terminate()
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM
    assert 0 < AtomicCheckpointIO().load_checkpoint(stopped.last)["global_step"] < 12
    assert not stopped.weights.exists()

    said = succeed("train_seg", *command, "stopped", "--resume", "auto", folder=tmp_path)

    assert "going on from stopped/checkpoints/last.ckpt" in said
    found, expected = (load_weights(run.weights)[0] for run in (stopped, whole))
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert stopped.results.read_text() == whole.results.read_text()


@pytest.mark.slow
def test_two_processes_train_the_weights_of_one(small_seg_config: Path, tmp_path: Path) -> None:
    """By steps in proportion to the gradient: AdamW's have one size, however small and uncertain that is."""
    same = ("optim.name=sgd", "optim.lr=0.02", "model.head.dropout=0.0", "trainer.max_epochs=1")
    one, two = (
        succeed("train_seg", "--config", small_seg_config, *same, *changes, folder=tmp_path)
        for changes in (("seed=0",), ("trainer.devices=2", "data.batch_size_per_device=1"))
    )

    expected, found = (
        load_weights(RunFolder(tmp_path / "runs" / f"small_seg-{number}").weights)[0]
        for number in (1, 2)
    )
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-5)
    assert one.count("masks of 2 images") == two.count("masks of 2 images") == 1


def test_mistakes_in_a_config_are_one_message_with_their_lines(
    small_seg_config: Path, tmp_path: Path
) -> None:
    (tmp_path / "typos.yaml").write_text(
        f"_base_: {small_seg_config}\nlosses:\n- {{name: dise}}\ninference: {{flips: [sideways]}}\n"
    )

    code, message = run_tool("train_seg", "--config", "typos.yaml", folder=tmp_path)

    assert code == 2
    first, loss, flip = message.splitlines()
    assert first == "config error:"
    assert loss.startswith('typos.yaml:3: "losses[0].name" must be one of')
    assert 'did you mean "dice"?' in loss
    assert flip.startswith('typos.yaml:4: "inference.flips[0]" must be one of')


def test_wrong_data_are_one_message_with_their_files_and_leave_no_run(
    small_seg_config: Path, masks: Path, tmp_path: Path
) -> None:
    shutil.copytree(masks, tmp_path / "data")
    wrong = np.full((48, 40), 7, dtype=np.uint8)
    Image.fromarray(wrong).save(tmp_path / "data" / "masks" / "train" / "3.png")

    command = ("--config", small_seg_config, "data.root=data")
    message = complain("train_seg", *command, folder=tmp_path)

    assert f"{tmp_path}/data/masks/train/3.png: values that stand for no class: 7 (1920" in message
    assert "add them to data.classes" in message
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
