"""The optimiser, its parameter groups and its learning rate."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from lumbar.training.config import OptimConfig
from lumbar.training.lamb import Lamb

_ROOT, _BACKBONE, _PYRAMID = "model.", "backbone.", "backbone.fpn."
_MATRIX_DIM = 2


def scaled_lr(config: OptimConfig, total_batch: int) -> float:
    """Peak learning rate by the linear rule of Goyal et al. 2017 (arXiv:1706.02677).

    Args:
        config: Holds the rate and the batch that it was found for.
        total_batch: Images in one optimiser step, over all devices and accumulated batches.
    """
    if config.base_batch_size is None:
        return config.lr
    return config.lr * total_batch / config.base_batch_size


def explain_lr(config: OptimConfig, total_batch: int) -> str:
    """What `scaled_lr` did, in one sentence for the start table."""
    lr, base = scaled_lr(config, total_batch), config.base_batch_size
    if base is None:
        return f"{lr:.4g}, as given"
    if base == total_batch:
        return f"{lr:.4g}, given for a batch of {base}"
    return f"{lr:.4g} = {config.lr:.4g} x {total_batch} / {base}, scaled from a batch of {base}"


def build_optimizer(
    module: nn.Module, config: OptimConfig, lr: float, *, body_apart: bool = False
) -> Optimizer:
    """The optimiser of the parameters that are trained.

    Args:
        module: Already on its device, where the fused step is chosen.
        config: Names the optimiser, its decays and the factor of the backbone.
        lr: Peak learning rate, see `scaled_lr`.
        body_apart: The residual body gets groups of its own, for a schedule of its own.

    Raises:
        ValueError: As `parameter_groups` says.
    """
    described = parameter_groups(module, config, lr, body_apart=body_apart)
    groups = [group._asdict() for group in described]
    if config.name == "sgd":
        optimizer: Optimizer = torch.optim.SGD(groups, lr, config.momentum, fused=True)
        # The first step would begin them, with whatever the memory holds if it is one that is skipped.
        for parameter in (p for group in groups for p in group["params"] if config.momentum):
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    elif config.name == "adamw":
        optimizer = torch.optim.AdamW(groups, lr, (config.momentum, config.beta2), fused=True)
    else:
        optimizer = Lamb(groups, lr, (config.momentum, config.beta2))
    # Under fp16 a fused step would undo the loss scaling by itself, too late for clipping: let the scaler do it before.
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined] # noqa: SLF001
    return optimizer


class ParameterGroup(NamedTuple):
    """Parameters that are trained alike."""

    params: list[nn.Parameter]
    lr: float
    weight_decay: float
    body: bool
    """Whether they are the residual body, where that has groups of its own."""


def parameter_groups(
    module: nn.Module, config: OptimConfig, lr: float, *, body_apart: bool = False
) -> list[ParameterGroup]:
    """Trained parameters by their learning rate and weight decay, in the order of the module.

    A parameter of at most one dimension that is not the bias of a matrix or a filter belongs to a norm.

    Args:
        module: Parameters of any shape.
        config: Its decays and the factors of parts.
        lr: Peak learning rate where no factor holds.
        body_apart: The residual body gets groups of its own, whatever its rates are.

    Raises:
        ValueError: A factor is for a part that is not there, or nothing is left to train.
    """
    _check_parts(config.lr_factors, module)
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            owner, _, leaf = name.rpartition(".")
            weight = getattr(module.get_submodule(owner), "weight", parameter)
            decay = _decay(leaf, parameter, weight, config)
            settings = (lr * _factor(name, config), decay, body_apart and _in_body(name))
            groups.setdefault(settings, []).append(parameter)
    if not groups:
        raise ValueError("nothing to train: every parameter is frozen, see model.backbone.freeze")
    return [ParameterGroup(parameters, *settings) for settings, parameters in groups.items()]


def _factor(name: str, config: OptimConfig) -> float:
    """Of the learning rate of a parameter."""
    in_body, name = _in_body(name), name.removeprefix(_ROOT)
    fitting = [part for part in config.lr_factors if f"{name}.".startswith(f"{part}.")]
    factor = config.lr_factors[max(fitting, key=len)] if fitting else 1.0
    return factor * (config.backbone_lr_factor if in_body else 1.0)


def _in_body(name: str) -> bool:
    name = name.removeprefix(_ROOT)
    return name.startswith(_BACKBONE) and not name.startswith(_PYRAMID)


def _check_parts(factors: Mapping[str, float], module: nn.Module) -> None:
    names = {name.removeprefix(_ROOT) for name, _ in module.named_parameters()}
    unknown = [
        part for part in factors if not any(f"{name}.".startswith(f"{part}.") for name in names)
    ]
    if unknown:
        parts = sorted({name.partition(".")[0] for name in names})
        raise ValueError(
            f"optim.lr_factors: the model has no {', '.join(unknown)}; its parts are {', '.join(parts)}, and parts of "
            "these with a dot between"
        )


def _decay(leaf: str, parameter: nn.Parameter, weight: torch.Tensor, config: OptimConfig) -> float:
    if parameter.dim() >= _MATRIX_DIM:
        return config.weight_decay
    if leaf == "bias" and weight.dim() >= _MATRIX_DIM:
        bias = config.bias_weight_decay
        return config.weight_decay if bias is None else bias
    return config.norm_weight_decay
