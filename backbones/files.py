"""Files of weights as they are found: tensors by name, and what the file says about itself; nothing in them is run."""

import pickle
import re
import struct
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

State = dict[str, Tensor]

UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)
"""What the readers of damaged files raise."""

_SHOWN = 6


class WeightsFile(NamedTuple):
    """A file of weights."""

    state: State
    """Its tensors, without the wrappers and prefixes of trainers."""
    notes: Mapping[str, object]
    """What stands beside the tensors: the metadata of a `.safetensors` file, the entries of a checkpoint."""


class _Forgotten:
    """Stands in for an object beside the weights: it takes any content and keeps none."""

    def __init__(self, *_content: object) -> None:
        pass

    def __setstate__(self, _content: object) -> None:
        pass


_LOGS: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
    (_Forgotten, name)
    for name in (
        "mmengine.logging.history_buffer.HistoryBuffer",
        "numpy.ndarray",
        "numpy.dtype",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
    )
]
"""What MMDetection's checkpoints hold beside tensors and plain values."""


def read_weights(path: Path) -> WeightsFile:
    """Reads a .safetensors, .pth or .pt file.

    Raises:
        ValueError: The file is missing, of another kind or damaged, or holds code or no weights.
    """
    path = path.absolute()
    if not path.is_file():
        raise ValueError(
            f"no such weights: {path}; set model.backbone.weights=FILE, torchvision/NAME.v1 or none"
        )
    if path.suffix == ".pkl":
        raise ValueError(
            f"{path}: a pickle can hold code and is not read here; first run "
            f"python tools/convert_weights.py {path} OUT.safetensors"
        )
    if path.suffix not in {".safetensors", ".pth", ".pt"}:
        raise ValueError(f"{path}: weights are .safetensors, .pth or .pt files")
    try:
        content = _content(path)
    except UNREADABLE as error:
        raise ValueError(
            f"{path}: damaged, or holds other things than weights ({_reason(error)})"
        ) from error
    return unwrap(content, path)


def unwrap(content: object, path: Path) -> WeightsFile:
    """The tensors in a checkpoint, and what stands beside them.

    Raises:
        ValueError: There are none.
    """
    notes: dict[str, object] = {}
    for wrapper in ("state_dict", "model", "blobs"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            notes |= {str(key): value for key, value in content.items() if key != wrapper}
            content = content[wrapper]
    entries = content.items() if isinstance(content, Mapping) else ()
    state = {str(key): value for key, value in entries if isinstance(value, Tensor)}
    if not state:
        raise ValueError(f"{path}: no tensors by name in it")
    return WeightsFile(without_prefix(state, "module."), notes)


def without_prefix(state: State, prefix: str) -> State:
    """The tensors whose names have the prefix, without it; all of them where none has.

    Args:
        state: Tensors of any shape, scalar included, by name.
        prefix: With the dot at its end.
    """
    inside = {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }
    return inside or state


def few(names: Collection[str]) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(islice(names, _SHOWN)) + (f" and {more} more" if more > 0 else "")


def _content(path: Path) -> object:
    if path.suffix != ".safetensors":
        with torch.serialization.safe_globals(_LOGS):
            return torch.load(path, map_location="cpu", weights_only=True)
    with safe_open(path, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        return {**(file.metadata() or {}), "state_dict": state}


def _reason(error: BaseException) -> str:
    """The heart of a message of torch, which goes on to advise how to run what is in the file."""
    message = str(error).rpartition("WeightsUnpickler error: ")[2]
    if refused := re.search(r"GLOBAL (\S+)", message):
        return f"it names {refused[1]}"
    return re.split(r"\n|\. ", message)[0] or type(error).__name__
