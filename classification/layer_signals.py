"""What runs through the layers of a network, forwards and backwards, as He et al. 2015 (arXiv:1512.03385) see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from classification.batch import LabelTargets
from classification.network import PooledNetwork
from lumbar.ops.structures import Images

_ASIDE = "downsample"
"""Projections stand beside the layers that are counted."""


class LayerSignals(NamedTuple):
    """Numbers of the L layers from the image to the classes; a layer is a convolution and its norm."""

    names: tuple[str, ...]
    """(L) of the norms."""
    responses: tuple[float, ...]
    """(L) standard deviation behind the norm, before activation and addition."""
    gradients: tuple[float, ...]
    """(L) root of the mean square of the gradient of the loss there, for one image."""


def measure_layers(network: PooledNetwork, images: Images, targets: LabelTargets) -> LayerSignals:
    """Sends a batch through a network in training mode, and its loss back.

    Batch norms use the statistics of the batch, as in training; their running ones are left as they were.

    Args:
        network: With a norm behind each convolution.
        images: (B, C, H, W).
        targets: Of the B images.
    """
    norms = {
        name: module
        for name, module in network.backbone.named_modules()
        if isinstance(module, (_BatchNorm, nn.GroupNorm)) and _ASIDE not in name
    }
    responses: dict[str, float] = {}
    gradients: dict[str, float] = {}

    def _look(name: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        responses[name] = float(output.detach().std())
        output.register_hook(partial(_note, gradients, name, len(output)))

    hooks = [module.register_forward_hook(partial(_look, name)) for name, module in norms.items()]
    try:
        with _as_in_training(network), torch.enable_grad():
            sum(network.losses(images, targets).values()).backward()  # type: ignore[union-attr]
    finally:
        for hook in hooks:
            hook.remove()
        network.zero_grad()
    names = tuple(responses)
    return LayerSignals(
        names, tuple(responses.values()), tuple(gradients.get(name, 0.0) for name in names)
    )


def _note(gradients: dict[str, float], name: str, count: int, gradient: Tensor) -> None:
    # The loss is a mean over the images.
    gradients[name] = float((gradient * count).square().mean().sqrt())


@contextmanager
def _as_in_training(network: PooledNetwork) -> Iterator[None]:
    was_training = network.training
    state = {name: value.clone() for name, value in network.named_buffers()}
    network.train()
    try:
        yield
    finally:
        network.train(was_training)
        for name, value in network.named_buffers():
            value.copy_(state[name])
