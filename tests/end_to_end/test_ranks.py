"""One run on two processes, however they are launched: the weights and the scores of one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from detection.detector import Detector
from detection.evaluate import evaluate_weights
from lumbar.training.checkpoint import load_weights
from lumbar.training.run_folder import RunFolder
from tests.end_to_end.shell import TOOLS, free_port, succeed, succeed_together, two_ranks

# One canvas for all: how far an image is padded decides what its features are, on one process as well.
THREE_EPOCHS = (
    "trainer.max_epochs=3",
    "trainer.precision=fp32",
    "data.canvas_buckets=[[96, 96]]",
)


@pytest.fixture(scope="module")
def alone(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run on one process with the joint batch."""
    folder = tmp_path_factory.mktemp("alone")
    succeed("train_det", "--config", small_config, *THREE_EPOCHS, folder=folder)
    return RunFolder(folder / "runs" / "small-1")


def weights(run: RunFolder) -> dict[str, Tensor]:
    return load_weights(run.weights)[0]


def assert_same_run(run: RunFolder, expected: RunFolder) -> None:
    left, right = weights(run), weights(expected)
    assert left.keys() == right.keys()
    for name, value in left.items():
        torch.testing.assert_close(value, right[name], rtol=0, atol=1e-5)
    assert run.metrics.read_text().count("\n") == expected.metrics.read_text().count("\n")
    assert {path.name for path in run.path.rglob("*") if not path.name.startswith("events")} == {
        path.name for path in expected.path.rglob("*") if not path.name.startswith("events")
    }


def test_three_epochs_move_the_weights(alone: RunFolder, trained: tuple[RunFolder, str]) -> None:
    """Else the comparisons below could not fail."""
    first, last = weights(trained[0]), weights(alone)
    assert max(float((first[name] - last[name]).abs().max()) for name in first) > 1e-3


@pytest.mark.slow  # three processes import torch; `test_signals` has as many under torchrun
def test_torchrun_gives_the_weights_of_one_process(
    small_config: Path, alone: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = subprocess.run(
        [
            *(sys.executable, *launcher, str(TOOLS / "train_det.py"), "--config", small_config),
            *(*THREE_EPOCHS, "data.batch_size_per_device=1", "--output", run.path),
        ],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_run(run, alone)
    assert done.stdout.count("\nepoch 3/3") == 1


def test_two_slurm_nodes_give_the_weights_of_one_process(
    small_config: Path, alone: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    job = {"SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "17"}
    job |= {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_LOCALID": "0"}
    job |= {"SLURM_NNODES": "2", "SLURM_NODELIST": "127.0.0.1", "MASTER_PORT": free_port()}
    command = ("--config", small_config, *THREE_EPOCHS, "data.batch_size_per_device=1")

    succeed_together(
        *("train_det", *command, "--output", run.path),
        folder=tmp_path,
        places=[job | {"SLURM_PROCID": rank, "SLURM_NODEID": rank} for rank in "01"],
    )

    assert_same_run(run, alone)


def test_accumulated_batches_give_the_weights_of_the_larger_batch(
    small_config: Path, alone: RunFolder, tmp_path: Path
) -> None:
    changes = (*THREE_EPOCHS, "data.batch_size_per_device=1", "trainer.accumulate=2")
    succeed("train_det", "--config", small_config, *changes, folder=tmp_path)

    run = RunFolder(tmp_path / "runs" / "small-1")
    for name, value in weights(run).items():
        torch.testing.assert_close(value, weights(alone)[name], rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def seven_images(
    alone: RunFolder, examples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Seven images of many sizes; in the first three, objects about where the detector sees some."""
    document = json.loads((examples / "coco" / "annotations" / "instances.json").read_text())
    images = document["images"][:7]
    detector = Detector.load(alone.weights)
    files = [examples / "coco" / "images" / image["file_name"] for image in images[:3]]
    rows = [
        {"image_id": image["id"], "category_id": found.category_ids[place], "bbox": box}
        for image, found in zip(images, detector.predict(files), strict=False)
        for place, box in enumerate(xywh(found.boxes[:20]))
    ]
    path = tmp_path_factory.mktemp("seven") / "seven.json"
    path.write_text(json.dumps(document | {"images": images, "annotations": rows}))
    return path


def xywh(boxes: NDArray[np.float32]) -> list[list[float]]:
    """Boxes (n, 4) xyxy as COCO has them, the later ones moved farther."""
    low, high = boxes[:, :2], boxes[:, 2:]
    moved = low + (high - low) * np.linspace(0, 0.4, len(boxes))[:, None]
    rows: list[list[float]] = np.concatenate((moved, high - low), 1).tolist()
    return rows


@pytest.mark.parametrize(("images", "batch"), [(7, 2), (1, 1)])
def test_scores_are_those_of_one_process_to_the_last_digit(
    images: int,
    batch: int,
    alone: RunFolder,
    examples: Path,
    seven_images: Path,
    tmp_path: Path,
) -> None:
    changes = (
        *(f"data.root={examples / 'coco'}", "data.val.images=images", "trainer.precision=fp32"),
        *(f"data.val.annotations={seven_images}", f"data.val.limit={images}"),
        f"data.eval_batch_size_per_device={batch}",
    )
    expected = evaluate_weights(
        str(alone.weights), config_source=None, overrides=changes, split="val", output=None
    )
    command = ("--weights", alone.weights, "--output", tmp_path, *changes)
    shown = succeed_together("eval_det", *command, folder=tmp_path, places=two_ranks())

    assert json.loads((tmp_path / "results.json").read_text()) == expected.to_dict()
    assert expected.num_images == images
    assert 0 < expected.summary["AP"] < 1
    assert shown.count("average precision at IoU 0.50") == 1
