"""From a time to a number of steps: what steps, looks at the curve and predictions take is measured, not guessed."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Self

import torch
from lightning.fabric.utilities import move_data_to_device
from torch.optim import Optimizer

from lumbar.ops.structures import MaskBatch
from lumbar.tasks.course import Prepared
from lumbar.tasks.module import with_sum
from lumbar.training.checkpoint import AtomicCheckpointIO
from lumbar.training.hardware import resolve_hardware, resolve_precision
from lumbar.training.optim import build_optimizer
from medical.learning.fold import Fold, prepare_fold
from medical.learning.network import network_of
from medical.learning.out_of_fold import predict_case
from medical.learning.plan import ROUNDS, Plan
from medical.study.cases import Case
from segmentation.scores import SegmentationScores

_WARM_UP, _STEPS, _SECONDS = 2, 30, 15.0
"""Steps that do not count, those that are timed at most, and how long these may take."""
_LOOKING = 0.06
"""Share of the time that points of the curve and checkpoints may take."""
FEWEST_STEPS = 10
"""That a fold trains, however short the time is."""
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Pace:
    """How long things take here, in seconds."""

    step: float
    """An optimiser step, with the loading of its patches."""
    round: float
    """What comes after each round: a point of the curve, and saving."""
    voxel: float
    """The prediction of one voxel of a file."""

    @classmethod
    def of(cls, took: "Took") -> Self:
        """The pace of a fold that is done."""
        between = min(took.rounds * took.round, took.training / 2)
        step = (took.training - between) / took.steps
        return cls(step, took.round, took.prediction / took.voxels)

    def plan(self, seconds: float, voxels: int) -> Plan:
        """Plans a fold for which there is so much time.

        Args:
            seconds: For its training and for the prediction of its held-out cases.
            voxels: Of these.
        """
        left = max(0.0, seconds - voxels * self.voxel)
        rounds = ROUNDS
        if self.round:
            rounds = max(1, min(ROUNDS, int(_LOOKING * left / self.round)))
        steps = (left - rounds * self.round) / self.step
        return self.timed(Plan.of(max(FEWEST_STEPS, steps), rounds))

    def timed(self, plan: Plan) -> Plan:
        """Says how long a plan will take."""
        seconds = plan.steps * self.step + plan.rounds * self.round
        return Plan(plan.rounds, plan.steps_per_round, seconds)


@dataclass(frozen=True)
class Took:
    """What a fold that is done has taken."""

    steps: int
    rounds: int
    round: float
    """Seconds of what comes after each of them, as they were measured before the training."""
    training: float
    """Seconds in all, with the points of the curve."""
    prediction: float
    """Seconds."""
    voxels: int
    """That were predicted."""

    @property
    def seconds(self) -> float:
        """In all."""
        return self.training + self.prediction


def measure(fold: Fold, case: Case, *, steps: int | None = None) -> Pace:
    """Trains for a few steps, and predicts a case, to see how long it takes; nothing of it is kept.

    Args:
        fold: Any of them.
        case: Any case, best one of medium size.
        steps: How many are to be timed, at most; None times as many as there is reason to.

    Raises:
        ValueError: As the training itself; for want of room on the disk, too.
    """
    run = prepare_fold(fold, Plan.of(ROUNDS * _STEPS))
    device = torch.device(resolve_hardware(run.trainer).kind)
    module = run.module.to(device=device)
    module.model.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(module, module.optim_config, 1e-6)
    count = _STEPS if steps is None else max(1, min(_STEPS, steps))
    step = _time_of_step(run, optimizer, device, count)
    module.eval()
    predicted = predict_case(case, fold.resolved.preprocess, network_of([module.model]))
    return Pace(step, _time_of_round(run, optimizer, fold, device), predicted.seconds_per_voxel)


def _time_of_step(
    run: Prepared[SegmentationScores], optimizer: Optimizer, device: torch.device, steps: int
) -> float:
    batches = _batches(run, device)
    run.module.train()
    for _ in range(_WARM_UP):
        _step(run, optimizer, next(batches))
    began, count = perf_counter(), 0
    while count < steps and perf_counter() - began < _SECONDS:
        _step(run, optimizer, next(batches))
        count += 1
    return (perf_counter() - began) / count


def _batches(run: Prepared[SegmentationScores], device: torch.device) -> Iterator[MaskBatch]:
    while True:
        for batch in run.datamodule.train_dataloader():
            yield move_data_to_device(batch, device)


def _step(run: Prepared[SegmentationScores], optimizer: Optimizer, batch: MaskBatch) -> None:
    precision = _TYPES[resolve_precision(run.trainer)]
    with torch.autocast(batch.labels.device.type, precision, enabled=precision != torch.float32):
        loss = with_sum(run.module.model.losses(batch.images, batch.labels, batch.seeds))["loss"]
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss.item()  # waits for the device


def _time_of_round(
    run: Prepared[SegmentationScores], optimizer: Optimizer, fold: Fold, device: torch.device
) -> float:
    """Of a point of the curve, and of a checkpoint with the weights, their average and two moments."""
    began = perf_counter()
    for batch in run.datamodule.val_dataloader():
        images = move_data_to_device(batch.images, device)
        run.module.model.logits(images).cpu()
    state = run.module.model.state_dict()
    path = fold.folder.path.parent / "probe.ckpt"
    files = AtomicCheckpointIO()
    files.save_checkpoint(
        {"model": state, "average": {**state}, "optimizer": optimizer.state_dict()}, path
    )
    files.remove_checkpoint(path)
    return perf_counter() - began
