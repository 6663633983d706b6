"""Pickled weights, detectron2's and those of Caffe2, read by a list of what they may name; only the converter does.

Not even numpy takes part in the unpickling: its arrays trust their pickles, and a wrong one can break the process.
"""

import io
import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from backbones.files import UNREADABLE, WeightsFile, unwrap


def read_pickle(path: Path) -> WeightsFile:
    """Reads a `.pkl` file of arrays by name, alone or under `model` or `blobs`.

    Raises:
        ValueError: The file is missing or damaged, names anything but arrays, or holds no weights.
    """
    return unwrap(read_content(path), path)


def read_content(path: Path) -> object:
    """Reads a pickle of mappings, lists, text, numbers and arrays; these come as tensors.

    Raises:
        ValueError: The file is missing or damaged, or names anything but arrays.
    """
    if not path.is_file():
        raise ValueError(f"no such weights: {path.absolute()}")
    try:
        # Python 2 wrote the oldest ones, and their bytes are text to Python 3.
        reader = _Reader(io.BytesIO(path.read_bytes()), encoding="latin1")
        return _with_tensors(reader.load())
    except _RefusedError as error:
        raise ValueError(f"{path}: refused, {error}") from error
    except UNREADABLE as error:
        raise ValueError(f"{path}: damaged, or not a pickle of weights ({error})") from error


class _RefusedError(pickle.UnpicklingError):
    pass


class _Reader(pickle._Unpickler):  # noqa: SLF001 - the one in C takes all the memory that a wrong byte asks for
    def find_class(self, module: str, name: str) -> object:
        """What stands in for a name, from the list and never from a module."""
        wish = f"{module.replace('._core.', '.core.')}.{name}"
        if wish not in _ALLOWED:
            raise _RefusedError(
                f"it names {module}.{name}, which no weights need and which may run code"
            )
        return _ALLOWED[wish]


class _Type:
    """Stands in for numpy.dtype."""

    def __init__(self, code: str, *_flags: object) -> None:
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple[int, str]) -> None:
        self.order = state[1]


class _Array:
    """Stands in for numpy.ndarray."""

    tensor: Tensor | None = None
    """None for what holds no numbers."""

    def __setstate__(
        self, state: tuple[int, tuple[int, ...], _Type, bool, bytes | str | list[object]]
    ) -> None:
        _version, shape, dtype, is_by_column, data = state
        if re.fullmatch("[fiu][1248]", dtype.code) and not isinstance(data, list):
            raw = data.encode("latin1") if isinstance(data, str) else data
            flat = np.frombuffer(raw, np.dtype(dtype.order + dtype.code))
            array = flat.reshape(shape, order="F" if is_by_column else "C")
            self.tensor = torch.tensor(array.astype(array.dtype.newbyteorder("=")))


def _empty(*_arguments: object) -> _Array:
    return _Array()


def _filled(data: bytes, dtype: _Type, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes as {encoding}")
    return text.encode("latin1")


_ALLOWED: Mapping[str, object] = {
    "numpy.ndarray": _Array,
    "numpy.dtype": _Type,
    "numpy.core.multiarray._reconstruct": _empty,
    "numpy.core.multiarray.scalar": _empty,
    "numpy.core.numeric._frombuffer": _filled,
    "_codecs.encode": _encode,
    "collections.OrderedDict": OrderedDict,
}


def _with_tensors(content: object) -> object:
    """The same mappings with tensors in place of arrays; the momentum of an optimiser is left out."""
    if isinstance(content, Mapping):
        return {
            key: _with_tensors(value)
            for key, value in content.items()
            if not str(key).endswith("_momentum")
        }
    return content.tensor if isinstance(content, _Array) else content
