"""What a network costs: its parameters, and the multiply-adds of one image."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from backbones.base import Backbone


class Cost(NamedTuple):
    """What one image costs."""

    parameters: int
    multiply_adds: int
    """Products of activations with weights of convolutions and linear layers; biases, norms, gates, filters along the
    channels, blurs and pools count nothing."""


def cost(backbone: Backbone, size: int, *, in_channels: int = 3) -> Cost:
    """Counts, with the layers as they are: a norm that folds into a convolution hides it from the count.

    Args:
        backbone: On any device; on `meta` nothing is computed.
        size: Pixels of the square image's edge.
        in_channels: Channels of the image.
    """
    done: list[int] = []

    def _note(layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        weight = layer.get_parameter("weight")
        done.append(weight.numel() * output[0].numel() // output.shape[_channel_axis(layer)])

    layers = [part for part in backbone.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(_note) for layer in layers]
    device = next(backbone.parameters()).device
    training = backbone.training
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros(1, in_channels, size, size, device=device))
    finally:
        backbone.train(training)
        for hook in hooks:
            hook.remove()
    return Cost(sum(p.numel() for p in backbone.parameters()), sum(done))


def classifier_cost(backbone: Backbone, num_classes: int) -> Cost:
    """Of one linear layer over the averages of the last map."""
    *_, last = backbone.features.values()
    products = last.channels * num_classes
    return Cost(products + num_classes, products)


def _channel_axis(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.Conv2d) else -1
