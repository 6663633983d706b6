"""The one place that makes a Trainer."""

import errno
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import (
    Callback,
    LightningDataModule,
    LightningModule,
    Trainer,
    seed_everything,
)
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.strategies import DDPStrategy

from lumbar.training.callbacks import (
    BestCheckpoint,
    FinalEvaluation,
    LastCheckpoint,
    WeightAverage,
)
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.config import TrainerConfig
from lumbar.training.finite import FiniteSteps
from lumbar.training.hardware import Hardware, resolve_hardware, resolve_precision
from lumbar.training.metrics_file import MetricsFile
from lumbar.training.progress import ProgressReport, choose_display, scalars
from lumbar.training.resume import Continuation
from lumbar.training.run_folder import RunFolder
from lumbar.training.signals import Signals
from lumbar.training.statistics import SharedStatistics

EvalSplit = Literal["val", "test"]

_MISHAPS = {
    "DataLoader worker (pid": "a process that loads images has died; most often the memory of the machine is full: set "
    "data.workers lower, or data.batch_size_per_device",
    "by peer": "another process of this run has ended: its own message says why",
}
"""What happened elsewhere, by the words of the error that it causes here."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PRECISIONS: Mapping[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}
_LOGGERS: Mapping[str, Callable[[RunFolder], Logger]] = {
    "csv": lambda folder: MetricsFile(folder.metrics),
    "tensorboard": lambda folder: TensorBoardLogger(
        folder.path, name="", version="tensorboard", default_hp_metric=False
    ),
    "wandb": lambda folder: WandbLogger(folder.path.name, save_dir=folder.path, project="lumbar"),
    "mlflow": lambda folder: MLFlowLogger("lumbar", run_name=folder.path.name),
}
_HARMLESS = (
    "The .* does not have many workers",
    "You defined a `validation_step` but have no `val_dataloader`",
    "GPU available but not used",
    "The .grad attribute of a Tensor that is not a leaf",  # the compiler looks at its inputs
    "Grad strides do not match bucket view strides",  # compiled 1 x 1 convolutions name the same order otherwise
    # Scores are computed once and logged the same on every rank.
    "It is recommended to use .* when logging on epoch level in distributed setting",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


def fit(
    module: LightningModule,
    datamodule: LightningDataModule,
    config: TrainerConfig,
    *,
    folder: RunFolder | None = None,
    seed: int = 0,
    resume: Path | None = None,
    monitor: str = "val/AP",
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """Trains and evaluates a module, and leaves checkpoints and logs in the run folder.

    Afterwards the module holds the weights of the last step, or their average if there is one.

    Args:
        module: Logs its losses as `train/...` and its scores as `val/...`.
        datamodule: Loaders that shard by rank themselves.
        config: How the run is driven.
        folder: Where its files go; None makes the next free `runs/run-n`.
        seed: Of whatever draws from the global generators.
        resume: Checkpoint to go on from.
        monitor: The score that `best.ckpt` has most of.
        callbacks: What the task does beside the steps.

    Raises:
        ValueError: A device, a package or the checkpoint is missing, the loss stays infinite, a process that loads
            images has died, or the disk is full.
        Interrupted: The run was told to stop; it can be resumed.
    """
    seed_everything(seed, workers=True, verbose=False)
    folder = folder or RunFolder.create(None, "run", resume=False)
    last = LastCheckpoint(folder.last, every=config.save_every_steps)
    every = [
        *callbacks,
        _progress(config),
        FinalEvaluation(),
        FiniteSteps(patience=config.max_skipped_steps, every=config.log_every_steps),
        Continuation(),
        BestCheckpoint(folder.best, monitor),
        last,
        Signals(last, requeue=config.slurm_requeue),
    ]
    if config.ema_decay is not None:
        every.append(WeightAverage(config.ema_decay))
    every.append(SharedStatistics())  # after the average has taken its place in the model
    loggers = [_logger(name, folder) for name in config.loggers]
    with _quiet(), plain_words():
        trainer = _trainer(config, every, loggers)
        ckpt_path = None if resume is None else str(resume)
        trainer.fit(module, datamodule=datamodule, ckpt_path=ckpt_path, weights_only=True)
    return trainer


def validate(
    module: LightningModule,
    datamodule: LightningDataModule,
    config: TrainerConfig,
    *,
    split: EvalSplit = "val",
    trainer: Trainer | None = None,
) -> dict[str, float]:
    """Evaluates a module without training it.

    Args:
        module: Logs its scores as `val/...` or `test/...`.
        datamodule: Has a loader for the split.
        config: How the run is driven.
        split: Which loader and step are used.
        trainer: Of `fit`, to use its processes again; None makes one.

    Returns:
        The scores by name, without the prefix.
    """
    with _quiet(), plain_words():
        callbacks = [_progress(config), SharedStatistics(), Signals()]
        trainer = trainer or _trainer(config, callbacks, [])
        evaluate = trainer.validate if split == "val" else trainer.test
        evaluate(module, datamodule=datamodule, verbose=False)
    return scalars(trainer, f"{split}/")


def _trainer(
    config: TrainerConfig, callbacks: Sequence[Callback], loggers: Sequence[Logger]
) -> Trainer:
    hardware = resolve_hardware(config)
    return _LimitedTrainer(
        config.max_steps,
        accelerator=hardware.kind,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy=_strategy(hardware),
        precision=_PRECISIONS[resolve_precision(config)],
        plugins=[AtomicCheckpointIO()],
        callbacks=list(callbacks),
        logger=list(loggers),
        max_epochs=config.max_epochs,
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.clip_norm,
        check_val_every_n_epoch=config.val_every_epochs,
        log_every_n_steps=0,  # Lightning logs a step after its checkpoint, and not the last: see ProgressReport
        deterministic=config.deterministic,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _progress(config: TrainerConfig) -> ProgressReport:
    return ProgressReport(choose_display(config.progress), every=config.log_every_steps)


class _LimitedTrainer(Trainer):
    """Counts no more steps than a limit, at which `FinalEvaluation` ends the run.

    Where Lightning has the limit itself, its loops cannot go on from the end of an epoch.
    """

    def __init__(self, limit: int | None, **settings: Any) -> None:
        super().__init__(**settings)
        self._limit = limit

    @property
    def estimated_stepping_batches(self) -> int | float:
        steps = super().estimated_stepping_batches
        return steps if self._limit is None else min(steps, self._limit)


def _strategy(hardware: Hardware) -> DDPStrategy | Literal["auto"]:
    if hardware.world_size == 1 and not hardware.launched:
        return "auto"
    backend = "gloo" if hardware.kind == "cpu" else "nccl"
    return DDPStrategy(process_group_backend=backend, gradient_as_bucket_view=True)


def _logger(name: str, folder: RunFolder) -> Logger:
    if name != "csv" and find_spec(name) is None:
        raise ValueError(
            f"trainer.loggers: {name} is not installed; pip install {name}, or leave it out"
        )
    return _LOGGERS[name](folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences Lightning's notices, and warnings about what is meant to be so."""
    lightning = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in lightning]
    for logger in lightning:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _HARMLESS:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for logger, level in zip(lightning, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def plain_words() -> Iterator[None]:
    """Says what has happened where another process, or a full disk, is the cause of an error.

    Raises:
        ValueError: It is.
    """
    try:
        yield
    except RuntimeError as error:
        for words, meaning in _MISHAPS.items():
            if words in str(error):
                raise ValueError(f"{meaning} ({error})") from error
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise ValueError(
                f"{error}: the disk of the run folder is full; make room, and go on with --resume auto"
            ) from error
        raise
