"""Whole runs of a tiny task: what they leave behind, how they go on, what they refuse."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy

from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.load import project_root
from lumbar.training.run import fit, validate
from tests.training.toy import TRAINER, ToyData, ToyModule, new_folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_its_files_and_learns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = TRAINER.model_copy(
        update={"loggers": ("csv", "tensorboard"), "max_epochs": 8, "progress": "plain"}
    )
    module = ToyModule()
    before = validate(module, ToyData(), TRAINER)["AP"]
    capsys.readouterr()
    trainer = fit(module, ToyData(), config, folder=new_folder(tmp_path), seed=0)
    shown = capsys.readouterr()

    (events,) = (tmp_path / "tensorboard").glob("events.*")
    assert files(tmp_path) == {
        "metrics.csv",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
        "tensorboard/hparams.yaml",
        f"tensorboard/{events.name}",
    }
    assert trainer.global_step == 48
    assert validate(module, ToyData(), TRAINER)["AP"] > before
    assert len(shown.out.splitlines()) == 24 + 8
    assert shown.err == ""


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_a_resumed_run_equals_one_that_was_not_interrupted(
    tmp_path: Path, ema_decay: float | None
) -> None:
    config = TRAINER.model_copy(update={"ema_decay": ema_decay, "max_epochs": 3})
    whole = ToyModule()
    fit(whole, ToyData(), config, folder=new_folder(tmp_path / "whole"), seed=0)

    folder = new_folder(tmp_path / "parts")
    first, second = ToyModule(), ToyModule()
    short = config.model_copy(update={"max_epochs": 1})
    fit(first, ToyData(), short, folder=folder, seed=0)
    trainer = fit(second, ToyData(), config, folder=folder, seed=1, resume=folder.last)

    assert trainer.global_step == 18
    for expected, actual in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(expected, actual)
    assert not torch.equal(next(first.parameters()), next(second.parameters()))


def test_checkpoints_hold_only_tensors_and_plain_values(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    config = TRAINER.model_copy(update={"ema_decay": 0.9, "loggers": ("csv",)})
    fit(ToyModule(), ToyData(), config, folder=folder, seed=0)

    for path in (folder.last, folder.best):
        assert AtomicCheckpointIO().load_checkpoint(path)["global_step"] > 0


def test_a_missing_or_damaged_checkpoint_is_one_message(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ckpt"
    broken.write_text("nothing")
    for path, message in (
        (broken, r"broken\.ckpt: damaged"),
        (tmp_path / "none.ckpt", f"no such checkpoint: {tmp_path}/none.ckpt"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(
                ToyModule(),
                ToyData(),
                TRAINER,
                folder=new_folder(tmp_path / "run"),
                seed=0,
                resume=path,
            )


def test_gradients_are_clipped_and_accumulated(tmp_path: Path) -> None:
    """Two batches accumulated are one batch of twice the size."""

    class Twice(ToyData):
        def train_dataloader(self) -> torch.utils.data.DataLoader[tuple[torch.Tensor, ...]]:
            dataset = super().train_dataloader().dataset
            return torch.utils.data.DataLoader(dataset, batch_size=4)

    changes = {"max_epochs": 1, "clip_norm": 0.1}
    one, two = ToyModule(), ToyModule()
    config = TRAINER.model_copy(update=changes)
    fit(one, Twice(), config, folder=new_folder(tmp_path / "one"), seed=0)
    accumulated = config.model_copy(update={"accumulate": 2})
    fit(two, ToyData(), accumulated, folder=new_folder(tmp_path / "two"), seed=0)
    loose = ToyModule()
    free = accumulated.model_copy(update={"clip_norm": None})
    fit(loose, ToyData(), free, folder=new_folder(tmp_path / "loose"), seed=0)

    for left, right in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(left, right)
    assert abs(loose.first_weight - ToyModule().first_weight) > abs(
        two.first_weight - ToyModule().first_weight
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_precision_of_the_config_is_that_of_the_run(tmp_path: Path, precision: str) -> None:
    class Watched(ToyModule):
        def training_step(self, batch: object, batch_index: int) -> torch.Tensor:
            kinds.append(self.net(batch[0]).dtype)
            return super().training_step(batch, batch_index)

    kinds: list[torch.dtype] = []
    config = TRAINER.model_copy(update={"precision": precision, "max_steps": 1})
    fit(Watched(), ToyData(), config, folder=new_folder(tmp_path), seed=0)

    assert kinds == [{"fp32": torch.float32, "bf16": torch.bfloat16}[precision]]


def test_the_best_is_by_the_score_that_is_named(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    fit(ToyModule(), ToyData(), TRAINER, folder=folder, seed=0, monitor="val/mIoU")

    assert files(tmp_path) == {"checkpoints/last.ckpt"}


def test_validation_gives_scores_of_the_split_that_is_named() -> None:
    module = ToyModule()

    assert validate(module, ToyData(), TRAINER).keys() == {"AP", "part/box"}
    assert validate(module, ToyData(), TRAINER, split="test").keys() == {"AP"}


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_logger_that_is_not_installed_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    if find_spec(name) is not None:
        pytest.skip(f"{name} is installed")
    config = TRAINER.model_copy(update={"loggers": (name,)})

    with pytest.raises(
        ValueError, match=f"trainer.loggers: {name} is not installed; pip install {name}"
    ):
        fit(ToyModule(), ToyData(), config, folder=new_folder(tmp_path), seed=0)


TWO = """
import sys
from pathlib import Path
from lumbar.training.run import fit, validate
from lumbar.training.run_folder import RunFolder
from tests.training.toy import TRAINER, ToyData, ToyModule

config = TRAINER.model_copy(update={"devices": 2, "loggers": ("csv",), "progress": "plain"})
folder = RunFolder.create(None, "two", resume=False)
trainer = fit(ToyModule(), ToyData(), config, folder=folder, seed=0)
Path(f"{trainer.global_rank}-of-{trainer.world_size}").write_text(str(folder.path.absolute()))
"""


@pytest.mark.slow
def test_two_processes_make_one_run(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(TWO, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(project_root()), "OMP_NUM_THREADS": "1"}

    done = subprocess.run(
        [sys.executable, "-W", "error", "two.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    run = tmp_path / "runs" / "two-1"
    assert files(run) == {"metrics.csv", "checkpoints/last.ckpt", "checkpoints/best.ckpt"}
    assert [(tmp_path / f"{rank}-of-2").read_text() for rank in (0, 1)] == [str(run)] * 2
    assert len(done.stdout.splitlines()) == 6 + 2


def test_two_devices_train_by_ddp_over_gloo() -> None:
    from lumbar.training.hardware import Hardware
    from lumbar.training.run import _strategy

    strategy = _strategy(Hardware("cpu", 2, 1, launched=False))
    assert isinstance(strategy, DDPStrategy)
    assert strategy.process_group_backend == "gloo"
    assert _strategy(Hardware("cpu", 1, 1, launched=False)) == "auto"
    assert isinstance(_strategy(Hardware("cpu", 1, 1, launched=True)), DDPStrategy)
