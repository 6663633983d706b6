"""The layers of heads, and what a head refuses."""

import pytest
import torch
from torch import nn

from backbones.base import FeatureSpec
from segmentation.heads import Head, conv_norm_relu, predictor, resize, resize_corners
from tests.segmentation.head_contract import BODY


def test_a_head_says_what_it_reads_and_gives() -> None:
    head = Head(BODY, ["c3", "c5"], num_classes=7)

    assert head.needs == {"c3": FeatureSpec(8, 8), "c5": FeatureSpec(32, 32)}
    assert head.output == FeatureSpec(7, stride=8)


def test_a_missing_map_is_named() -> None:
    with pytest.raises(ValueError, match=r"Head reads p2, c5, but the backbone has c2, c3, c4, c5"):
        Head(BODY, ["p2", "c5"], num_classes=2)


@pytest.mark.parametrize("dilation", [1, 6])
def test_a_layer_is_convolution_norm_relu(dilation: int) -> None:
    layer = conv_norm_relu(3, 4, norm=nn.BatchNorm2d, dilation=dilation).eval()
    x = torch.randn(2, 3, 5, 9)

    out = layer(x)

    conv, norm, _ = layer
    expected = nn.functional.conv2d(x, conv.weight, padding=dilation, dilation=dilation)
    torch.testing.assert_close(out, norm(expected).clamp(min=0))
    assert out.shape == (2, 4, 5, 9)


def test_layers_keep_the_variance_and_predictions_start_undecided() -> None:
    conv = conv_norm_relu(64, 64, norm=nn.BatchNorm2d)[0]
    assert float(conv.weight.detach().std()) == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)

    shares = predictor(64, 5)(torch.randn(1, 64, 8, 8)).softmax(1)
    torch.testing.assert_close(shares, torch.full_like(shares, 0.2), rtol=0, atol=0.1)


def test_resizing_places_cells_by_their_centres() -> None:
    """A ramp over the cells stays the same ramp over the pixels, away from the border."""
    ramp = ((torch.arange(6.0) + 0.5) * 4).expand(1, 1, 5, 6)

    pixels = resize(ramp, (20, 24))

    torch.testing.assert_close(pixels[0, 0, 7, 2:-2], torch.arange(24.0)[2:-2] + 0.5)


def test_resizing_by_corners_keeps_them() -> None:
    """A ramp over the cells goes in equal steps from the first pixel to the last."""
    ramp = torch.arange(6.0).expand(1, 1, 5, 6)

    pixels = resize_corners(ramp, (20, 21))

    torch.testing.assert_close(pixels[0, 0, 7], torch.linspace(0, 5, 21))
