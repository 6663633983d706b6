"""One training run from the config to the weights file, the scores and the pictures."""

import logging
import time
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import torch
from lightning.pytorch import seed_everything
from lightning.pytorch.utilities import rank_zero_only

from detection.build import build_detector
from detection.coco_eval import CocoScores
from detection.config import DetectionConfig
from detection.data import make_datamodule
from detection.faster_rcnn import FasterRCNN
from detection.module import DetectionModule
from detection.pictures import Pictures
from detection.weights import DetectorWeights, load_for_training, save_detector
from lumbar.data.categories import Categories
from lumbar.data.datamodule import DataModule
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.displays import start_table
from lumbar.training.hardware import explain_precision, resolve_hardware, total_batch
from lumbar.training.load import config_to_dict, dump_config
from lumbar.training.optim import explain_lr
from lumbar.training.run import EvalSplit, fit, validate
from lumbar.training.run_folder import RunFolder
from lumbar.training.run_record import RunRecord
from lumbar.training.schedule import warmup_length

_say = rank_zero_only(logging.getLogger(__name__).info)
_SHOWN_CLASSES = 8


class Trained(NamedTuple):
    """A finished run."""

    folder: RunFolder
    scores: CocoScores
    """Of the test split, or of the validation split where there is none."""
    minutes: float
    """Of training, with the evaluations on the way."""


def train(
    config: DetectionConfig,
    *,
    name: str,
    output: Path | None = None,
    resume: str | None = None,
    resume_anyway: bool = False,
) -> Trained:
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
    datamodule = make_datamodule(config)
    categories = datamodule.categories
    model = _build(config, categories)
    splits: tuple[EvalSplit, ...] = ("val", "test") if config.data.test.annotations else ("val",)
    module = DetectionModule(
        model,
        truth={split: datamodule.records(split) for split in splits},
        optim=config.optim,
        schedule=config.schedule,
        images_per_batch=config.data.batch_size_per_device,
    )
    folder = RunFolder.create(output, name, resume=resume is not None)
    images = total_batch(config.trainer, config.data.batch_size_per_device)
    record = RunRecord(config_to_dict(config), classes=categories.names, images_per_step=images)
    checkpoint = _checkpoint(folder, resume)
    if checkpoint is not None:
        changes = record.compare(checkpoint, anyway=resume_anyway)
        _say("going on from %s\n%s", checkpoint, indent(changes, "  "))
    rank_zero_only(folder.write_config)(dump_config(config))
    _say("\n%s\n", start_table(_derived(config, datamodule, model, folder)))
    start = time.perf_counter()
    trainer = fit(
        module,
        datamodule,
        config.trainer,
        folder=folder,
        seed=config.seed,
        resume=checkpoint,
        callbacks=[Pictures(folder.pictures, categories.names), record],
    )
    minutes = (time.perf_counter() - start) / 60
    _take_best(module, folder)
    if trainer.is_global_zero:
        state = {key: value.cpu() for key, value in model.state_dict().items()}
        save_detector(folder.weights, DetectorWeights(state, config, categories))
    validate(module, datamodule, config.trainer, split=splits[-1], trainer=trainer)
    scores = module.scores[splits[-1]]
    trained = Trained(folder, scores, minutes)
    if trainer.is_global_zero:
        folder.write_results(scores.to_dict())
        _announce(trained, splits[-1])
    return trained


def _derived(
    config: DetectionConfig, datamodule: DataModule, model: FasterRCNN, folder: RunFolder
) -> dict[str, str]:
    """What follows from the settings, for the table at the start."""
    data, trainer = config.data, config.trainer
    hardware = resolve_hardware(trainer)
    total = total_batch(trainer, data.batch_size_per_device)
    images, names = datamodule.records("train"), datamodule.categories.names
    steps = max(1, len(images) // total) * trainer.max_epochs
    steps = min(steps, trainer.max_steps or steps)
    warmup = warmup_length(config.schedule, steps)
    shown = ", ".join(names[:_SHOWN_CLASSES]) + (", ..." if len(names) > _SHOWN_CLASSES else "")
    trained = sum(part.numel() for part in model.parameters() if part.requires_grad)
    every = sum(part.numel() for part in model.parameters())
    return {
        "run": str(folder.path),
        "images": f"{len(images)} to train, {len(datamodule.records('val'))} to validate",
        "classes": f"{len(names)}: {shown}",
        "model": f"{config.model.backbone.name} with pyramid, {every / 1e6:.1f} M parameters, "
        f"{trained / 1e6:.1f} M trained",
        "batch": f"{total} images: {data.batch_size_per_device} at a time, on {hardware.world_size} "
        f"device{'s' * (hardware.world_size > 1)}, {trainer.accumulate} accumulated into a step",
        "steps": f"about {steps} in {trainer.max_epochs} epochs at most, {warmup} of warm-up",
        "lr": explain_lr(config.optim, total),
        "device": f"{hardware}, {hardware.memory}",
        "precision": explain_precision(trainer),
    }


def _build(config: DetectionConfig, categories: Categories) -> FasterRCNN:
    if config.model.weights == "none":
        built = build_detector(config.model, len(categories))
        if built.report is not None:
            _say("%s", built.report)
        model = built.model
    else:
        model, report = load_for_training(config.model, categories)
        _say("%s", report)
    memory_format = torch.channels_last if config.trainer.channels_last else torch.contiguous_format
    model = model.to(memory_format=memory_format)
    if config.trainer.compile:
        model.compile_parts()
    return model


def _checkpoint(folder: RunFolder, resume: str | None) -> Path | None:
    if resume == "auto":
        return folder.last if folder.last.is_file() else None
    return None if resume is None else Path(resume)


def _take_best(module: DetectionModule, folder: RunFolder) -> None:
    if folder.best.is_file():
        module.load_state_dict(AtomicCheckpointIO().load_checkpoint(folder.best)["state_dict"])


def _announce(trained: Trained, split: EvalSplit) -> None:
    folder, scores, minutes = trained
    _say("\n%s split, after %.1f minutes of training\n%s\n", split, minutes, scores.table())
    _say("weights   %s", folder.weights)
    _say("scores    %s", folder.results)
    for picture in sorted(folder.pictures.glob("*.jpg")):
        _say("picture   %s", picture)
