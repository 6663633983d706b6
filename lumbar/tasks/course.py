"""The course of every training run, from its preparation to the weights file, the scores and the pictures."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from lightning.pytorch import LightningDataModule, Trainer, seed_everything
from lightning.pytorch.utilities import rank_zero_only
from pydantic import BaseModel
from torch import Tensor

from lumbar.tasks.module import S, TaskModule
from lumbar.tasks.pictures import Drawing, Pictures
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.compiling import Mode, choose_mode, compile_parts
from lumbar.training.config import TrainerConfig
from lumbar.training.displays import start_table
from lumbar.training.hardware import explain_precision, resolve_hardware, total_batch
from lumbar.training.load import config_to_dict, dump_config
from lumbar.training.optim import explain_lr, parameter_groups
from lumbar.training.rehearsal import Rehearsal
from lumbar.training.run import EvalSplit, fit, validate
from lumbar.training.run_folder import RunFolder
from lumbar.training.run_record import RunRecord
from lumbar.training.schedule import warmup_length

_say = rank_zero_only(logging.getLogger(__name__).info)
_SHOWN_CLASSES = 8


@dataclass(frozen=True, kw_only=True)
class Prepared(Generic[S]):
    """A run that is ready to begin: all in which tasks differ."""

    config: BaseModel
    """Every setting."""
    trainer: TrainerConfig
    """Those of how the run is driven."""
    module: TaskModule[S]
    """With a metric for `val`, and for `test` where there is such a split."""
    datamodule: LightningDataModule
    """Its loaders."""
    num_images: Mapping[str, int]
    """Of the splits `train` and `val`."""
    classes: Sequence[str]
    """Their names."""
    network: str
    """The model in a few words."""
    report: object
    """What became of the weights that it starts from, in words; None where it has none."""
    drawing: Drawing
    """How its pictures are drawn."""
    save: Callable[[Path, dict[str, Tensor]], None]
    """Writes the state of the model, on the CPU, as the weights file."""
    rehearsals: Mapping[tuple[int, int], Callable[[], Any]] = field(default_factory=dict)
    """For each canvas (height, width) that batches lie on, what makes up such a batch; none where there may be any."""
    canvases: str = ""
    """What is to be said about them."""


class Trained(NamedTuple, Generic[S]):
    """A finished run."""

    folder: RunFolder
    scores: S
    """Of the test split, or of the validation split where there is none."""
    minutes: float
    """Of training, with the evaluations on the way."""


class _Config(Protocol):
    """Settings of a run of any task."""

    @property
    def seed(self) -> int: ...


C = TypeVar("C", bound=_Config)


@dataclass(frozen=True)
class Course(Generic[C, S]):
    """The training of one task: called with settings, it goes from the data to the scores."""

    prepare: Callable[[C], Prepared[S]]
    """Reads the data and builds the model; it may draw from the global generators."""

    def __call__(
        self,
        config: C,
        *,
        name: str,
        output: Path | None = None,
        resume: str | None = None,
        resume_anyway: bool = False,
    ) -> Trained[S]:
        """Trains, evaluates the best weights, and writes everything into the run folder.

        Args:
            config: The run, with absolute paths.
            name: Of the run, for its folder.
            output: The run folder; None takes the next free `runs/NAME-n`.
            resume: A checkpoint to go on from, `auto` for the last one of the run folder, None to start anew.
            resume_anyway: Goes on also with other settings than those of the checkpoint.

        Returns:
            Where everything is, and the scores.

        Raises:
            ValueError: Data, weights or checkpoint are missing or wrong, or the run folder is taken.
            Interrupted: The run was told to stop; it can be resumed.
        """
        if resume not in {None, "auto"} and not Path(str(resume)).is_file():
            raise ValueError(f"--resume: no such checkpoint: {Path(str(resume)).absolute()}")
        seed_everything(config.seed, verbose=False)
        run = self.prepare(config)
        if run.report is not None:
            _say("%s", run.report)
        # What is wrong with them is told before there is a folder.
        parameter_groups(run.module, run.module.optim_config, lr=1.0)
        folder = RunFolder.create(output, name, resume=resume is not None)
        record = RunRecord(
            config_to_dict(run.config), classes=run.classes, images_per_step=_images_per_step(run)
        )
        checkpoint = _checkpoint(folder, resume)
        if checkpoint is not None:
            changes = record.compare(checkpoint, anyway=resume_anyway)
            _say("going on from %s\n%s", checkpoint, indent(changes, "  "))
        rank_zero_only(folder.write_config)(dump_config(run.config))
        mode = choose_mode(run.trainer, num_canvases=len(run.rehearsals), steps=_steps(run))
        _say("\n%s\n", start_table({"run": str(folder.path)} | _derived(run, mode)))
        _set_memory_format(run)
        compile_parts(run.module.model, mode, num_canvases=len(run.rehearsals))
        start = time.perf_counter()
        trainer = fit(
            run.module,
            run.datamodule,
            run.trainer,
            folder=folder,
            seed=config.seed,
            resume=checkpoint,
            monitor=run.module.monitor,
            callbacks=[*_rehearsal(run, mode), Pictures(folder.pictures, run.drawing), record],
        )
        minutes = (time.perf_counter() - start) / 60
        return Trained(folder, _finish(run, folder, trainer, minutes), minutes)


def _finish(run: Prepared[S], folder: RunFolder, trainer: Trainer, minutes: float) -> S:
    """Saves the best weights, and scores them on the test split, or on the validation split where there is none."""
    module = run.module
    if folder.best.is_file():
        module.load_state_dict(AtomicCheckpointIO().load_checkpoint(folder.best)["state_dict"])
    if trainer.is_global_zero:
        state = module.model.state_dict()
        run.save(folder.weights, {key: value.cpu() for key, value in state.items()})
    split: EvalSplit = "test" if "test" in module.metrics else "val"
    validate(module, run.datamodule, run.trainer, split=split, trainer=trainer)
    scores = module.scores[split]
    if trainer.is_global_zero:
        folder.write_results(scores.to_dict())
    _say("\n%s split, after %.1f minutes of training\n%s\n", split, minutes, scores.table())
    _announce(folder)
    return scores


def _derived(run: Prepared[S], mode: Mode) -> dict[str, str]:
    """What follows from the settings, for the table at the start."""
    module, trainer = run.module, run.trainer
    hardware = resolve_hardware(trainer)
    total, steps = _images_per_step(run), _steps(run)
    warmup = warmup_length(module.schedule_config, steps)
    shown = ", ".join(run.classes[:_SHOWN_CLASSES])
    shown += ", ..." if len(run.classes) > _SHOWN_CLASSES else ""
    trained = sum(part.numel() for part in module.parameters() if part.requires_grad)
    every = sum(part.numel() for part in module.parameters())
    table = {
        "images": f"{run.num_images['train']} to train, {run.num_images['val']} to validate",
        "classes": f"{len(run.classes)}: {shown}",
        "model": f"{run.network}, {every / 1e6:.1f} M parameters, {trained / 1e6:.1f} M trained",
        "batch": f"{total} images: {module.images_per_batch} at a time, on {hardware.world_size} "
        f"device{'s' * (hardware.world_size > 1)}, {trainer.accumulate} accumulated into a step",
        "steps": f"about {steps} in {trainer.max_epochs} epochs at most, {warmup} of warm-up",
        "lr": explain_lr(module.optim_config, total),
        "device": f"{hardware}, {hardware.memory}",
        "precision": explain_precision(trainer),
        "canvases": run.canvases,
        "compiled": f"{mode}, which takes minutes before the first step" if mode != "none" else "",
    }
    return {name: value for name, value in table.items() if value}


def _rehearsal(run: Prepared[S], mode: Mode) -> list[Rehearsal]:
    """On a GPU, or where there is something to compile, the first steps are dear in time and memory."""
    if mode == "none" and resolve_hardware(run.trainer).kind == "cpu":
        return []
    # Graphs are recorded in the second step, and replayed from the third on.
    runs = 3 if mode == "cudagraphs" else 1
    return [Rehearsal(run.rehearsals, run.module.losses, runs=runs)]


def _steps(run: Prepared[S]) -> int:
    """Of the optimiser, about."""
    steps = max(1, run.num_images["train"] // _images_per_step(run)) * run.trainer.max_epochs
    return min(steps, run.trainer.max_steps or steps)


def _images_per_step(run: Prepared[S]) -> int:
    return total_batch(run.trainer, run.module.images_per_batch)


def _set_memory_format(run: Prepared[S]) -> None:
    channels_last = run.trainer.channels_last
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    run.module.model.to(memory_format=memory_format)


def _checkpoint(folder: RunFolder, resume: str | None) -> Path | None:
    if resume == "auto":
        return folder.last if folder.last.is_file() else None
    return None if resume is None else Path(resume)


def _announce(folder: RunFolder) -> None:
    _say("weights   %s", folder.weights)
    _say("scores    %s", folder.results)
    for picture in sorted(folder.pictures.glob("*.jpg")):
        _say("picture   %s", picture)
