"""Quantiles of the symmetric beta distribution, by which mixup and cutmix share images."""

import torch
from torch import Tensor, nn

_KNOTS = 1025


class SymmetricBeta(nn.Module):
    """Turns even numbers into those of Beta(alpha, alpha): no rejection, so that each draw takes one number.

    The density t^(alpha - 1) (1 - t)^(alpha - 1) is not finite at 0 where alpha < 1, but over s = t^alpha it is smooth:
    a table of its integral up to the median is exact to 1e-5, and the rest is symmetry.
    """

    _powers: Tensor
    _integral: Tensor

    def __init__(self, alpha: float) -> None:
        """Makes the table.

        Args:
            alpha: Above 0; 1 is even, less prefers the ends.
        """
        super().__init__()
        self._exponent = exponent = min(alpha, 1.0)
        powers = torch.linspace(0, 0.5**exponent, _KNOTS, dtype=torch.float64)
        density = (1 - powers ** (1 / exponent)) ** (alpha - 1) * powers ** (alpha / exponent - 1)
        integral = torch.cat((powers.new_zeros(1), torch.cumulative_trapezoid(density, powers)))
        self.register_buffer("_powers", powers, persistent=False)
        self.register_buffer("_integral", integral / integral[-1] / 2, persistent=False)

    def forward(self, even: Tensor) -> Tensor:
        """Maps (N,) float64, even in [0, 1), to (N,) float64 in [0, 1]."""
        lower = torch.minimum(even, 1 - even)
        right = torch.searchsorted(self._integral, lower).clamp(1, _KNOTS - 1)
        start, end = self._integral[right - 1], self._integral[right]
        powers = torch.lerp(
            self._powers[right - 1], self._powers[right], (lower - start) / (end - start)
        )
        small = powers ** (1 / self._exponent)
        return torch.where(even < 0.5, small, 1 - small)
