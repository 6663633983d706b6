"""The first convolution of a network for images of other channels, without a change of what it sees."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from backbones.pixels import PixelNorm

_STEMS = {
    "conv1.weight": "bn1.running_mean",
    "conv1.0.weight": "conv1.1.running_mean",
    "stem.0.conv1.weight": "stem.0.conv1.bias",
}
"""The first convolution, of a plain or a deep stem or of VGG, and the mean behind it, or its bias."""
_FIRST_PREACTIVATION = ("layer1.0.downsample.0.weight", "layer1.0.bn1.running_mean")
"""Where there is no norm behind the stem: a projection beside the first branch, and the mean before both."""
_PREFIXES = ("", "body.", "backbone.", "backbone.body.")
"""Of the residual network, alone and inside larger models."""


class Stem(NamedTuple):
    """What depends on the channels of the image, and on their statistics."""

    weight: Tensor
    """(O, C, k, k) of the first convolution."""
    running_mean: Tensor
    """(O,) of the batch norm behind it, frozen or not."""


InputRule = Callable[[Stem, PixelNorm, PixelNorm], Stem]
"""A stem for new channels, from the old stem, the old normalisation, and the new one."""


def fold_channels(stem: Stem, old: PixelNorm, new: PixelNorm) -> Stem:
    """Exchanges the normalised channels that a stem looks at.

    Each old channel sees the mean of the new ones that have its place in the turn: all three colours see the one
    channel of a grey image, which so gives what its three copies gave, and of five channels the first and the fourth
    stand for red. The new statistics are scaled into the weight, and what is constant moves the running mean. Something
    changes only where the kernel reaches over the border: zeros there are another colour.

    Args:
        stem: For the old channels, (O, C, k, k) and (O,).
        old: The normalisation it expects.
        new: The normalisation to come, of any number of channels.

    Returns:
        A stem for the new channels, (O, C', k, k) and (O,), in the dtypes of the old.
    """
    old_mean, old_std, new_mean, new_std = (
        values.double() for values in (old.mean, old.std, new.mean, new.std)
    )
    shares = _shares(len(old_mean), len(new_mean))
    weight = stem.weight.double()
    scaled = torch.einsum("ochw,cn->onhw", weight, shares * new_std / old_std[:, None])
    constant = torch.einsum("ochw,c->o", weight, (shares @ new_mean - old_mean) / old_std)
    running_mean = stem.running_mean - constant.to(stem.running_mean.dtype)
    return Stem(scaled.to(stem.weight.dtype), running_mean)


def repeat_channels(stem: Stem, old: PixelNorm, new: PixelNorm) -> Stem:
    """The rule of timm: one channel gets the sum of the old, more get them in turn, made smaller as they are more.

    It asks for no statistics, and so is only nearly right where the old channels have different ones.

    Args:
        stem: For the old channels, (O, C, k, k) and (O,).
        old: The normalisation it expects.
        new: The normalisation to come, of any number of channels.

    Returns:
        A stem for the new channels, (O, C', k, k), and (O,) as it was.
    """
    before, after = len(old.mean), len(new.mean)
    if after == 1:
        return stem._replace(weight=stem.weight.sum(dim=1, keepdim=True))
    turns = torch.arange(after, device=stem.weight.device) % before
    return stem._replace(weight=stem.weight[:, turns] * (before / after))


INPUT_RULES: Mapping[str, InputRule] = {"fold": fold_channels, "timm": repeat_channels}
"""By the names that they have in a config."""


def refit_stem(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], rule: InputRule
) -> dict[str, Tensor]:
    """What has to change in weights for a network that takes images of other channels.

    Args:
        state: The weights, of any shape, scalar included: of a residual network for normalised pixels of ImageNet, or
            of a whole model with its own `pixels.mean` and `pixels.std`.
        own: The state of the network that they are for.
        rule: How the stem is adapted.

    Returns:
        The stem for the channels of the network, and its normalisation where it has one; nothing where the channels
        are as many.
    """
    names = [
        (prefix + conv, prefix + mean) for prefix in _PREFIXES for conv, mean in _STEMS.items()
    ]
    conv, mean = next((pair for pair in names if pair[0] in state and pair[0] in own), ("", ""))
    if not conv or not _differ_in_channels(state[conv], own[conv]):
        return {}
    weight = state[conv]
    projection, inner_mean = (
        conv.removesuffix("conv1.weight") + key for key in _FIRST_PREACTIVATION
    )
    if mean not in state and projection in state:
        mean = inner_mean
    held = state.get(mean, weight.new_zeros(len(weight)))
    adds = mean.endswith("bias")  # where a mean takes away
    before = Stem(weight, -held if adds else held)
    old, new = (
        stated_pixels(tensors, PixelNorm.of_imagenet(tensors[conv].shape[1]))
        for tensors in (state, own)
    )
    stem = rule(before, old, new)
    if stem.running_mean is not before.running_mean:
        held = -stem.running_mean if adds else stem.running_mean
    changed = {conv: stem.weight, mean: held} | {
        f"pixels.{name}": value for name, value in new.state_dict().items()
    }
    return {n: value for n, value in changed.items() if n in state and value is not state[n]}


def stated_pixels(state: Mapping[str, Tensor], usual: PixelNorm) -> PixelNorm:
    """The normalisation that a whole model has, if it is one for as many channels as the usual one.

    Args:
        state: Of any model; `pixels.mean` and `pixels.std` are (C,).
        usual: For weights that hold none, or that are adapted to these channels.
    """
    mean, std = (state.get(f"pixels.{name}") for name in ("mean", "std"))
    if mean is None or std is None or mean.shape != usual.mean.shape:
        return usual
    return PixelNorm(mean.tolist(), std.tolist())


def _differ_in_channels(one: Tensor, other: Tensor) -> bool:
    return one.ndim == other.ndim == 4 and [
        here == there for here, there in zip(one.shape, other.shape, strict=True)
    ] == [True, False, True, True]


def _shares(old: int, new: int) -> Tensor:
    """What each new channel (column) contributes to each old one (row); rows add up to 1."""
    turns = torch.arange(max(old, new))
    shares = torch.zeros(old, new, dtype=torch.float64)
    shares[turns % old, turns % new] = 1
    return shares / shares.sum(1, keepdim=True)
