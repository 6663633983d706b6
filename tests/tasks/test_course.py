"""A run goes from its preparation to the run folder, and goes on from there."""

import json
import logging
import os
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
import torch

from lumbar.tasks.course import Course, Prepared, Trained
from lumbar.training.checkpoint import AtomicCheckpointIO, load_weights
from lumbar.training.run_folder import RunFolder
from lumbar.training.signals import Interrupted
from tests.tasks.toy_task import Share, ToyBatch, ToyConfig, ToyModule, prepare_toy

CONFIG = ToyConfig()


def run(
    output: Path,
    config: ToyConfig = CONFIG,
    *,
    resume: str | None = None,
    anyway: bool = False,
    kind: type[ToyModule] = ToyModule,
) -> Trained[Share]:
    course = Course(partial(prepare_toy, kind=kind))
    return course(config, name="toy", output=output, resume=resume, resume_anyway=anyway)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained[Share]:
    return run(tmp_path_factory.mktemp("runs") / "toy")


def files_of(folder: RunFolder) -> set[str]:
    return {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}


def test_a_run_leaves_everything_behind(trained: Trained[Share]) -> None:
    assert files_of(trained.folder) == {
        *("config.yaml", "metrics.csv", "results.json", "model.safetensors"),
        *("checkpoints/last.ckpt", "checkpoints/best.ckpt", "pictures/train_batch.jpg"),
        *("pictures/val_predictions.jpg", "pictures/test_predictions.jpg"),
    }
    assert trained.minutes > 0


def test_the_weights_are_the_best_ones(trained: Trained[Share]) -> None:
    released, metadata = load_weights(trained.folder.weights)
    best = AtomicCheckpointIO().load_checkpoint(trained.folder.best)["state_dict"]

    assert metadata == {"task": "toy"}
    assert {f"model.{name}" for name in released} == best.keys()
    assert all(torch.equal(value, best[f"model.{name}"]) for name, value in released.items())


def test_results_are_those_of_the_test_split_if_there_is_one(
    trained: Trained[Share], tmp_path: Path
) -> None:
    other = run(tmp_path, CONFIG.model_copy(update={"test": False}))

    assert (trained.scores.total, other.scores.total) == (2, 4)
    for finished in (trained, other):
        assert json.loads(finished.folder.results.read_text()) == finished.scores.to_dict()
    assert not (other.folder.pictures / "test_predictions.jpg").exists()


def test_everything_random_follows_from_the_seed(trained: Trained[Share], tmp_path: Path) -> None:
    again = run(tmp_path / "again")
    other = run(tmp_path / "other", CONFIG.model_copy(update={"seed": 4}))

    same, different = (
        folder.weights.read_bytes() == trained.folder.weights.read_bytes()
        for folder in (again.folder, other.folder)
    )
    assert (same, different) == (True, False)


def test_a_run_says_what_it_derived_and_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        scores = run(tmp_path).scores

    for shown in (
        *(
            "loaded nothing",
            "8 to train, 4 to validate",
            "2: dark, bright",
            "toy, 0.0 M parameters",
        ),
        *("2 images: 2 at a time, on 1 device,", "about 8 in 2 epochs", "0.05 = 0.1 x 2 / 4"),
        *("test split, after", scores.table(), f"weights   {tmp_path}/model.safetensors"),
        *(f"scores    {tmp_path}/results.json", f"picture   {tmp_path}/pictures/train_batch.jpg"),
    ):
        assert shown in caplog.text


class Told(ToyModule):
    """Is told to stop in the last step of the first epoch."""

    def on_train_batch_start(self, batch: ToyBatch, batch_idx: int) -> None:
        if (self.current_epoch, batch_idx) == (0, 3):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_stopped_run_goes_on_as_if_it_never_had(trained: Trained[Share], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path / "run", kind=Told)
    folder = RunFolder(tmp_path / "run")
    assert AtomicCheckpointIO().load_checkpoint(folder.last)["global_step"] == 4
    assert (folder.results.exists(), folder.weights.exists()) == (False, False)
    shutil.copy(folder.last, tmp_path / "kept.ckpt")
    (tmp_path / "other").mkdir()

    run(folder.path, resume="auto")
    run(tmp_path / "other", resume=str(tmp_path / "kept.ckpt"))

    for resumed in (folder, RunFolder(tmp_path / "other")):
        same = resumed.weights.read_bytes() == trained.folder.weights.read_bytes()
        assert same
        assert resumed.results.read_text() == trained.folder.results.read_text()


def test_a_checkpoint_of_another_run_is_refused_unless_one_insists(
    trained: Trained[Share], tmp_path: Path
) -> None:
    folder = shutil.copytree(trained.folder.path, tmp_path / "copy")
    other = CONFIG.model_copy(update={"seed": 4})

    with pytest.raises(ValueError, match=r"seed: 3 -> 4"):
        run(folder, other, resume="auto")

    assert run(folder, other, resume="auto", anyway=True).folder.results.is_file()


def test_auto_without_a_checkpoint_begins(tmp_path: Path) -> None:
    folder = run(tmp_path / "new", resume="auto").folder

    assert folder.results.is_file()


def refused(output: Path, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        run(output)


def test_a_folder_with_a_run_is_not_overwritten(trained: Trained[Share]) -> None:
    before = trained.folder.config.stat().st_mtime_ns

    refused(trained.folder.path, r"is not empty.*--resume auto")

    assert trained.folder.config.stat().st_mtime_ns == before


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    refused(tmp_path / "file", "is a file: name a folder with --output")


def test_a_missing_checkpoint_is_told_before_anything_is_done(tmp_path: Path) -> None:
    def prepare(config: ToyConfig) -> Prepared[Share]:
        raise AssertionError("prepared")

    with pytest.raises(ValueError, match=r"--resume: no such checkpoint: .*gone\.ckpt"):
        Course(prepare)(
            CONFIG, name="toy", output=tmp_path / "new", resume=str(tmp_path / "gone.ckpt")
        )

    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_be_prepared_leaves_no_folder(tmp_path: Path) -> None:
    def prepare(config: ToyConfig) -> Prepared[Share]:
        raise ValueError("no data")

    with pytest.raises(ValueError, match="no data"):
        Course(prepare)(CONFIG, name="toy", output=tmp_path / "x")

    assert list(tmp_path.iterdir()) == []
