"""Pickles of arrays are read, and whatever else a pickle may ask for is refused by name."""

import builtins
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from backbones.pickles import read_pickle
from tests.backbones.zoo_files import write_pickle

ARRAYS: dict[str, NDArray[Any]] = {
    "half": np.array([0.5, 1.5], np.float16),
    "single": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "double": np.array([[1e-300]]),
    "foreign": np.array([1, 2], ">f4"),
    "count": np.array(3),
}


class Call:
    """Pickles into a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function = function
        self.arguments = arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrapper", [None, "model", "blobs"])
def test_arrays_come_back_as_tensors(tmp_path: Path, protocol: int, wrapper: str | None) -> None:
    content = OrderedDict(ARRAYS) if wrapper is None else {wrapper: ARRAYS, "__author__": "me"}

    state, notes = read_pickle(write_pickle(tmp_path / "w.pkl", content, protocol))

    assert state.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert torch.equal(state[name], torch.tensor(array.astype(array.dtype.newbyteorder("="))))
    assert notes == ({} if wrapper is None else {"__author__": "me"})


def test_momentum_of_an_optimiser_is_left_out(tmp_path: Path) -> None:
    content = {"blobs": {"conv1_w": np.ones(1), "conv1_w_momentum": np.ones(1)}}

    assert read_pickle(write_pickle(tmp_path / "w.pkl", content)).state.keys() == {"conv1_w"}


def test_bytes_of_python_2_are_read(tmp_path: Path) -> None:
    values = np.array([0.5, 300], np.float32)
    path = tmp_path / "old.pkl"
    path.write_bytes(
        b"\x80\x02}U\x07conv1_w"
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08" + values.tobytes() + b"tbs."
    )

    assert torch.equal(read_pickle(path).state["conv1_w"], torch.tensor(values))


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (Call(os.system, "echo executed"), "posix.system"),
        (Call(eval, "print('executed')"), r"(__builtin__|builtins).eval"),
        (Call(getattr, np.ndarray, "tofile"), r"(__builtin__|builtins).getattr"),
        (Call(builtins.__import__, "os"), r"(__builtin__|builtins).__import__"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (np.load, "numpy.load"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_anything_else_is_refused_by_name(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    payload: object,
    name: str,
    protocol: int,
    nested: bool,
) -> None:
    boxed = np.array([{"deep": [payload]}, None], dtype=object)
    content = {"model": {"w": np.ones(2), "x": boxed}} if nested else payload
    path = write_pickle(tmp_path / "bad.pkl", content, protocol)

    with pytest.raises(ValueError, match=rf"bad\.pkl: refused, it names {name}, which no weights"):
        read_pickle(path)

    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "damaged"),
        (b"not a pickle", "damaged"),
        (pickle.dumps({"w": np.ones(100)})[:-50], "damaged"),
        (pickle.dumps(Call(np.ndarray, -1)), "damaged"),
        (pickle.dumps({"w": 1.0, "x": "text"}), "no tensors by name"),
        (pickle.dumps([np.ones(2)]), "no tensors by name"),
        (pickle.dumps({"w": np.array(["text"])}), "no tensors by name"),
    ],
)
def test_what_holds_no_weights_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=rf"bad\.pkl: {problem}"):
        read_pickle(path)
    with pytest.raises(ValueError, match=r"no such weights: .*gone\.pkl"):
        read_pickle(tmp_path / "gone.pkl")


@pytest.mark.filterwarnings("ignore")  # numpy about its arguments
@settings(max_examples=60)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_wrong_byte_gives_weights_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    content = bytearray(pickle.dumps({"model": ARRAYS}, 2))
    content[place % len(content)] = value
    path = tmp_path_factory.mktemp("wrong") / "w.pkl"
    path.write_bytes(content)

    try:
        state = read_pickle(path).state
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017 - the other outcome is fine, too
    else:
        assert state
