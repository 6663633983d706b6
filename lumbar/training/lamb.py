"""LAMB: Adam whose steps are as long as the weights they change, You et al. 2019 (arXiv:1904.00962), algorithm 2."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

State = dict[str, Tensor]


class Lamb(Optimizer):
    """The optimiser of large batches.

    Groups without weight decay, norms and biases, take the steps of Adam, as is usual. Nothing is read from the device.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        """Begins without a step.

        Args:
            params: Parameters, or groups of them.
            lr: Length of a step as a share of the length of the weights.
            betas: Decays of the means of gradients and of their squares.
            eps: Added to the root of the latter.
            weight_decay: Of groups that do not have their own.
        """
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Takes a step; parameters without a gradient stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter] or self._begin(parameter)
        first, second = group["betas"]
        state["step"] += 1
        state["mean"].lerp_(gradient, 1 - first)
        state["square"].lerp_(gradient.square(), 1 - second)
        count = state["step"].to(parameter.device, non_blocking=True)
        root = (state["square"] / (1 - second**count)).sqrt_().add_(group["eps"])
        update = (state["mean"] / (1 - first**count)).div_(root)
        if group["weight_decay"]:
            update.add_(parameter, alpha=group["weight_decay"])
            update.mul_(trust(parameter, update))
        parameter.add_(update, alpha=-group["lr"])

    def _begin(self, parameter: nn.Parameter) -> State:
        state: State = self.state[parameter]
        # On the CPU, as torch's own optimisers count.
        state["step"] = torch.zeros((), dtype=torch.float64)
        state["mean"] = torch.zeros_like(parameter)
        state["square"] = torch.zeros_like(parameter)
        return state


def trust(weights: Tensor, update: Tensor) -> Tensor:
    """By how much an update is stretched to be as long as the weights; 1 where either is zero.

    Args:
        weights: (*,).
        update: (*,).

    Returns:
        scalar.
    """
    long, short = weights.norm(), update.norm()
    return torch.where((long > 0) & (short > 0), long / short, torch.ones_like(long))
