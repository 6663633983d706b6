"""Weights of channels."""

import pytest
import torch

from backbones.attention import EfficientAttention, SqueezeExcite
from tests.contracts import pixels


@pytest.mark.parametrize("kind", [SqueezeExcite, EfficientAttention])
def test_channels_are_weighed_by_their_means_alone(kind: type[torch.nn.Module]) -> None:
    torch.manual_seed(0)
    attention, x = kind(32).double(), pixels(2, 32, 4, 6)
    weights = (attention(x) / x).detach()
    assert torch.allclose(weights, weights[..., :1, :1])
    assert 0 < float(weights.min()) <= float(weights.max()) < 1
    mixed = x.flatten(2).flip(2).view_as(x)
    torch.testing.assert_close(attention(mixed) / mixed, weights)


def test_squeeze_and_excitation_is_the_formula() -> None:
    torch.manual_seed(0)
    attention, x = SqueezeExcite(32).double(), pixels(2, 32, 4, 6)
    hidden = attention.fc1.weight[:, :, 0, 0] @ x.mean((2, 3)).T
    weights = (attention.fc2.weight[:, :, 0, 0] @ hidden.clamp(min=0)).sigmoid().T
    torch.testing.assert_close(attention(x), x * weights[..., None, None])
    assert attention.fc1.out_channels == 8


@pytest.mark.parametrize(("channels", "length"), [(64, 3), (256, 5), (512, 5), (2048, 7)])
def test_the_filter_grows_with_the_channels(channels: int, length: int) -> None:
    """Arxiv 1910.03151: 256 channels have the kernel of 5."""
    assert EfficientAttention(channels).conv.kernel_size == (length,)
