"""Normalisation layers by name, and the frozen one that costs nothing."""

from collections.abc import Callable, MutableMapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backbones.standardised import weight_of
from backbones.sync_norm import SyncNorm

Norm = Callable[[int], nn.Module]
"""Makes the normalisation of so many channels."""


class FrozenNorm(nn.Module):
    """Batch normalisation with fixed statistics and affine: a scale and a shift for each channel.

    The four tensors are buffers named as in `nn.BatchNorm2d`, whose state dict loads as it is.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_load_state_dict_pre_hook(_drop_counter)  # type: ignore[no-untyped-call]

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Scale (C,) and shift (C,) so that the norm of x is `scale * x + shift`."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return scale, self.bias - self.running_mean * scale

    def forward(self, x: Tensor) -> Tensor:
        """Scales and shifts the channels of x (B, C, H, W)."""
        scale, shift = self.scale_and_shift()
        return x * scale[:, None, None] + shift[:, None, None]

    def extra_repr(self) -> str:
        """Channels and epsilon."""
        return f"{self.weight.shape[0]}, eps={self.eps}"


class EvalNorm(FrozenNorm):
    """The same with a trained affine: MMDetection's batch norm in evaluation mode."""

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels, eps=eps)
        del self.weight, self.bias
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))


def _drop_counter(
    _module: nn.Module, state: MutableMapping[str, Tensor], prefix: str, *_: object
) -> None:
    state.pop(prefix + "num_batches_tracked", None)


def conv_norm(x: Tensor, conv: nn.Conv2d, norm: nn.Module) -> Tensor:
    """Normalised convolution of x.

    A norm of fixed statistics is folded into the weight: the same function with the same gradients, but
    without passes over the activation. Under autocast, too, the product has the weight's dtype.

    Args:
        x: (B, C, H, W) float.
        conv: Convolution with zero padding.
        norm: Norm of its output channels.

    Returns:
        (B, conv.out_channels, H', W'), never an alias of x.
    """
    if not isinstance(norm, FrozenNorm):
        out: Tensor = norm(conv(x))
        return out
    scale, shift = norm.scale_and_shift()
    weight = weight_of(conv) * scale[:, None, None, None]
    shift = shift if conv.bias is None else shift + conv.bias * scale
    return F.conv2d(x, weight, shift, conv.stride, conv.padding, conv.dilation, conv.groups)


class ConvNorm(nn.Sequential):
    """A convolution and its norm, as entries 0 and 1."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__(conv, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised convolution of x (B, C, H, W)."""
        conv, norm = self
        assert isinstance(conv, nn.Conv2d)
        return conv_norm(x, conv, norm)


def group_norm(channels: int, *, eps: float = 1e-5, max_groups: int = 32) -> nn.GroupNorm:
    """GroupNorm, Wu and He 2018 (arXiv:1803.08494), in the most groups that divide the channels."""
    groups = max(n for n in range(1, max_groups + 1) if channels % n == 0)
    return nn.GroupNorm(groups, channels, eps=eps)


_NORMS: dict[str, Callable[..., nn.Module]] = {
    "frozen": FrozenNorm,
    "eval": EvalNorm,
    "batch": nn.BatchNorm2d,
    "sync": SyncNorm,
    "group": group_norm,
}


def make_norm(name: str, eps: float = 1e-5) -> Norm:
    """The norm called `frozen`, `eval`, `batch`, `sync` or `group`, with this epsilon."""
    return partial(_NORMS[name], eps=eps)
