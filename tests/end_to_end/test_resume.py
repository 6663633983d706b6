"""A detector whose training is killed at random moments is the one that it would have been."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.run_folder import RunFolder
from tests.processes import start_script

SCRIPT = Path(__file__).with_name("killed_run.py")
EPOCHS, IMAGES, IMAGES_PER_STEP = 3, 8, 2


def images_of(folder: Path, ranks: int) -> list[list[int]]:
    """The images of each step as it was taken for good, over all ranks."""
    steps: dict[int, list[int]] = {}
    for rank in range(ranks):
        lines = folder.with_name(f"{folder.name}.{rank}").read_text().splitlines()
        last = {int(step): list(map(int, ids)) for step, *ids in map(str.split, lines)}
        for step, ids in last.items():
            steps.setdefault(step, []).extend(ids)
    return [steps[step] for step in sorted(steps)]


def assert_same(left: Any, right: Any) -> None:
    """To the last bit."""
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key, value in left.items():
            assert_same(value, right[key])
    elif isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, two in zip(left, right, strict=True):
            assert_same(one, two)
    else:
        assert left == right


def logged(run: RunFolder) -> list[dict[str, str]]:
    """The table without the speed."""
    with run.metrics.open(newline="") as file:
        return [
            {name: row[name] for name in sorted(row) if "per_second" not in name}
            for row in csv.DictReader(file)
        ]


def assert_resumes(tmp_path: Path, examples: Path, ranks: int, workers: int, kills: int) -> None:
    printed = tmp_path / "printed"
    arguments = (examples, tmp_path, ranks, workers, kills)
    process = start_script(SCRIPT, *arguments, folder=tmp_path, output=printed)
    process.join()
    assert process.exitcode == 0, printed.read_text()
    assert printed.read_text().splitlines()[-1].startswith(f"{kills} kills in ")

    whole = RunFolder(tmp_path / "whole")
    steps = images_of(whole.path, ranks)
    per_epoch = IMAGES // IMAGES_PER_STEP
    for epoch in range(EPOCHS):
        begin = epoch * per_epoch
        seen = [image for step in steps[begin : begin + per_epoch] for image in step]
        assert len(seen) == len(set(seen)) == IMAGES
    runs = [RunFolder(path) for path in tmp_path.glob("run*") if path.is_dir()]
    assert runs
    for run in runs:
        assert images_of(run.path, ranks) == steps
        assert run.weights.read_bytes() == whole.weights.read_bytes()
        assert run.results.read_text() == whole.results.read_text()
        assert logged(run) == logged(whole)
        for name in ("last", "best"):
            files = (getattr(folder, name) for folder in (run, whole))
            assert_same(*map(AtomicCheckpointIO().load_checkpoint, files))
        assert {path.name for path in run.checkpoints.iterdir()} == {"last.ckpt", "best.ckpt"}


@pytest.mark.parametrize(("ranks", "workers", "kills"), [(1, 2, 1), (2, 0, 1)])
def test_killed_runs_end_as_if_left_alone(
    tmp_path: Path, examples: Path, ranks: int, workers: int, kills: int
) -> None:
    assert_resumes(tmp_path, examples, ranks, workers, kills)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_more_than_thirty_times(
    tmp_path: Path, examples: Path, ranks: int, workers: int
) -> None:
    assert_resumes(tmp_path, examples, ranks, workers, kills=8)
