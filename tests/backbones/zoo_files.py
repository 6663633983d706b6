"""Residual networks as other zoos save them, renamed from torchvision's by tables of their own."""

import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor

State = dict[str, Tensor]
Rename = Callable[[str], str]
_CAFFE2_SUFFIXES = {"weight": "s", "bias": "b", "running_mean": "rm", "running_var": "riv"}


def random_resnet(name: str) -> State:
    """The state of torchvision's network with random weights and statistics, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state: State = torchvision.models.get_model(name).state_dict()
        for key, value in state.items():
            if "running_" in key or (value.ndim == 1 and ".bias" in key):
                value.uniform_(0.5, 1.5)
    return state


def detectron2_name(name: str) -> str:
    """What detectron2 calls a tensor of torchvision's network."""
    if name.startswith("fc."):
        return name.replace("fc", "linear")
    if stem := re.fullmatch(r"(conv|bn)1\.(\w+)", name):
        return f"stem.conv1.{'norm.' if stem[1] == 'bn' else ''}{stem[2]}"
    match = re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)\.(\w+)", name)
    assert match
    stage, unit, kind, number, what = match.groups()
    place = "shortcut" if kind == "downsample." else f"conv{number}"
    is_norm = kind == "bn" or (kind, number) == ("downsample.", "1")
    return f"res{int(stage) + 1}.{unit}.{place}.{'norm.' if is_norm else ''}{what}"


def caffe2_name(name: str) -> str:
    """What Caffe2's files call a tensor of torchvision's network."""
    *places, what = detectron2_name(name).split(".")
    is_norm = places[-1] == "norm"
    end = f"_bn_{_CAFFE2_SUFFIXES[what]}" if is_norm else f"_{what[0]}"
    match places[: -1 if is_norm else None]:
        case ["linear"]:
            return f"fc1000{end}"
        case ["stem", "conv1"]:
            return f"{'res_' if is_norm else ''}conv1{end}"
        case [stage, unit, "shortcut"]:
            return f"{stage}_{unit}_branch1{end}"
        case [stage, unit, conv]:
            return f"{stage}_{unit}_branch2{' abc'[int(conv[-1])]}{end}"
        case _:
            raise AssertionError(name)


def renamed(state: Mapping[str, Tensor], rename: Rename) -> State:
    """The same tensors by other names; counters of batches, which only torch has, are left out."""
    return {rename(key): value for key, value in state.items() if "num_batches" not in key}


def as_arrays(state: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """The tensors as numpy's arrays."""
    return {key: value.numpy() for key, value in state.items()}


def write_pickle(path: Path, content: object, protocol: int = 4) -> Path:
    """Pickles anything."""
    path.write_bytes(pickle.dumps(content, protocol))
    return path
