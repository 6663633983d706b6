"""The learning rate over the run, as a factor of its peak; a step is an optimiser step."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lumbar.training.config import ScheduleConfig


def warmup_length(config: ScheduleConfig, total_steps: int) -> int:
    """Steps of warm-up in a run of `total_steps`, a tenth of it at most."""
    return min(config.warmup_steps, total_steps // 10)


def factor(step: int, total_steps: int, config: ScheduleConfig) -> float:
    """Factor of the peak learning rate: a linear warm-up times the shape of the schedule.

    Cosine and polynomial decay begin where the warm-up ends; milestones are fractions of the whole run.

    Args:
        step: Steps taken so far.
        total_steps: Steps of the whole run.
        config: Shape and warm-up.
    """
    warmup = warmup_length(config, total_steps)
    if step < warmup:
        return config.warmup_factor + (1 - config.warmup_factor) * step / warmup
    if config.name == "multistep":
        passed = sum(step >= round(milestone * total_steps) for milestone in config.milestones)
        return config.gamma**passed
    progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
    if config.name == "cosine":
        shape = (1 + math.cos(math.pi * progress)) / 2
    elif config.name == "poly":
        shape = (1 - progress) ** config.power
    else:
        return 1.0
    return config.final_factor + (1 - config.final_factor) * shape


def build_schedule(optimizer: Optimizer, config: ScheduleConfig, total_steps: int) -> LambdaLR:
    """Scales the learning rate of every group by `factor`; to be stepped with the optimiser."""
    return LambdaLR(optimizer, lambda step: factor(step, total_steps, config))
