"""The learning rate over the run, as a factor of its peak; a step is an optimiser step."""

import math
from collections.abc import Callable

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
    if step < warmup and config.warmup == "constant":
        return config.warmup_factor
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


def body_factor(step: int, total_steps: int, config: ScheduleConfig) -> float:
    """Factor of the peak learning rate of the residual body, which may begin to learn later than the rest.

    Args:
        step: Steps taken so far.
        total_steps: Steps of the whole run.
        config: Shape, warm-up, and when the body begins.
    """
    begin = round(config.body_from * total_steps)
    if step < begin:
        return 0.0
    ramp = warmup_length(config, total_steps) if begin else 0
    return min(1.0, (step - begin + 1) / (ramp + 1)) * factor(step, total_steps, config)


def build_schedule(optimizer: Optimizer, config: ScheduleConfig, total_steps: int) -> LambdaLR:
    """Scales the learning rate of each group; to be stepped with the optimiser.

    Args:
        optimizer: Its groups that say `body` follow `body_factor`, the others `factor`.
        config: Shape and warm-up.
        total_steps: Steps of the whole run.
    """

    def scale(rule: Callable[[int, int, ScheduleConfig], float]) -> Callable[[int], float]:
        return lambda step: rule(step, total_steps, config)

    groups = optimizer.param_groups
    return LambdaLR(
        optimizer, [scale(body_factor if group.get("body") else factor) for group in groups]
    )
