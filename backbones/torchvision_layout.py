"""From our names back to torchvision's, for those who go on there."""

from collections.abc import Mapping

import torch
from torch import Tensor

from backbones.files import State, without_prefix
from backbones.vgg import VGGS
from backbones.zoo import vgg_places

NETWORKS = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("wide_resnet50_2", "wide_resnet101_2"),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    *VGGS,
)
"""What both have."""


def torchvision_state(state: Mapping[str, Tensor], name: str) -> State:
    """The tensors under the names that torchvision's network of this name loads.

    Args:
        state: Of a body of ours, of any shape, scalar included; of a whole classifier with `body.` before its names,
            then with its layer `fc`.
        name: Of the network, one of `NETWORKS`.

    Raises:
        ValueError: torchvision has no such network, or the state is of something else.
    """
    if name not in NETWORKS:
        raise ValueError(f"{name}: torchvision has no such network, only {', '.join(NETWORKS)}")
    body = without_prefix(dict(state), "body.")
    classifier = {key: value for key, value in state.items() if key.startswith("fc.")}
    renamed = _vgg_state(body, name) if name in VGGS else body
    if not ({"conv1.weight", "features.0.weight"} & renamed.keys()):
        raise ValueError(f"not the state of a {name}: it has no first convolution")
    whole = renamed | classifier
    # Norms with fixed statistics count no batches; torchvision wants a counter.
    counters = {
        key.replace("running_mean", "num_batches_tracked"): torch.zeros((), dtype=torch.int64)
        for key in whole
        if key.endswith("running_mean")
    }
    return counters | whole


def _vgg_state(state: State, name: str) -> State:
    theirs = {ours: f"features.{place}." for place, ours in vgg_places(VGGS[name])}
    return {
        theirs[prefix] + what: value
        for prefix, what, value in (
            (f"{key.rpartition('.')[0]}.", key.rpartition(".")[2], value)
            for key, value in state.items()
        )
        if prefix in theirs
    }
