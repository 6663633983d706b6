"""How a unit joins its shortcut and its branch."""

from collections.abc import Callable

from torch import Tensor, nn

Merge = Callable[[int], nn.Module]
"""Makes a module of (shortcut, branch), both (B, C, H, W), for so many channels; it may change the branch."""


class Add(nn.Module):
    """The sum: residual learning, He et al. 2015 (arXiv:1512.03385), equation 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, shortcut: Tensor, branch: Tensor) -> Tensor:
        """Adds the shortcut to the branch, both (B, C, H, W), in place."""
        # In place: neither a convolution nor a norm needs its output in the backward pass.
        return branch.add_(shortcut)


class Plain(Add):
    """The branch alone: the plain networks that residual ones are compared with."""

    def forward(self, shortcut: Tensor, branch: Tensor) -> Tensor:
        """The branch (B, C, H, W)."""
        return branch


class Highway(nn.Module):
    """A gate between both: T * branch + (1 - T) * shortcut, Srivastava et al. 2015 (arXiv:1505.00387), equation 3.

    T is computed from the shortcut by a convolution whose bias starts below 0, so that at first the signal passes by
    the branch.
    """

    def __init__(self, channels: int, *, bias: float = -3.0) -> None:
        super().__init__()
        self.gate = nn.Conv2d(channels, channels, 3, padding=1)
        assert self.gate.bias is not None
        nn.init.constant_(self.gate.bias, bias)

    def forward(self, shortcut: Tensor, branch: Tensor) -> Tensor:
        """Mixes both, (B, C, H, W)."""
        return shortcut.lerp(branch.relu_(), self.gate(shortcut).sigmoid())
