"""Files are whole or absent, load without running anything, and say what is wrong with them."""

import json
import os
import pickle
import resource
import time
from collections import OrderedDict
from contextlib import suppress
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from lumbar.training.checkpoint import (
    AtomicCheckpointIO,
    load_weights,
    save_weights,
    write_json,
)
from tests.processes import forked


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    weight, values = torch.randn(3), {"step": 3, "names": ["a", None, 1.5, True]}
    path = tmp_path / "new" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"state": {"w": weight}, **values}, path)
    loaded = AtomicCheckpointIO().load_checkpoint(path)

    assert torch.equal(loaded.pop("state")["w"], weight)
    assert loaded == values
    assert os.listdir(path.parent) == ["last.ckpt"]  # noqa: PTH208 - hidden files count


def _save_forever(path: Path, numbers: Connection) -> None:
    for number in count(1):
        AtomicCheckpointIO().save_checkpoint({"w": torch.full((300_000,), float(number))}, path)
        numbers.send(number)


def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with forked(_save_forever, path) as (process, numbers):
        written = numbers.recv()
        time.sleep(0.1)
        process.kill()
        with suppress(EOFError):
            while True:
                written = numbers.recv()

    values = AtomicCheckpointIO().load_checkpoint(path)["w"].unique()
    assert len(values) == 1
    assert values.item() >= written
    assert len(os.listdir(tmp_path)) <= 2  # noqa: PTH208 - at most one partial file


def _save_on_a_full_disk(path: Path, messages: Connection) -> None:
    """A process that may not write more than so much finds what one on a full disk does."""
    AtomicCheckpointIO().save_checkpoint({"w": torch.ones(3)}, path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        AtomicCheckpointIO().save_checkpoint({"w": torch.ones(1_000_000)}, path)
    except ValueError as error:
        messages.send(str(error))


def test_a_full_disk_leaves_the_checkpoint_of_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with forked(_save_on_a_full_disk, path) as (_, messages):
        message = messages.recv()

    assert message.startswith(f"{path}: cannot be written (")
    assert " bytes are free on its disk; what was saved before is whole: make room" in message
    assert torch.equal(AtomicCheckpointIO().load_checkpoint(path)["w"], torch.ones(3))
    assert os.listdir(tmp_path) == ["last.ckpt"]  # noqa: PTH208 - hidden files count


def test_a_checkpoint_is_removed_once(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.write_text("")
    for _ in range(2):
        AtomicCheckpointIO().remove_checkpoint(path)

    assert not path.exists()


class Payload:
    """Would make a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("weights_only", [None, False, True])
def test_no_code_in_a_checkpoint_runs(tmp_path: Path, weights_only: bool | None) -> None:
    path = tmp_path / "evil.ckpt"
    torch.save({"w": Payload(tmp_path / "ran")}, path)

    with pytest.raises(ValueError, match=r"evil\.ckpt: damaged, or not a checkpoint of tensors"):
        AtomicCheckpointIO().load_checkpoint(path, weights_only=weights_only)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_file_is_named(tmp_path: Path, keep: float) -> None:
    for name in ("a.ckpt", "a.safetensors"):
        path = tmp_path / name
        if name == "a.ckpt":
            AtomicCheckpointIO().save_checkpoint({"w": torch.randn(1000)}, path)
        else:
            save_weights(path, {"w": torch.randn(1000)}, {})
        content = path.read_bytes()
        path.write_bytes(content[: int(keep if keep >= 1 else keep * len(content))])

        with pytest.raises(ValueError, match=f"{name}: damaged"):
            AtomicCheckpointIO().load_checkpoint(path) if name == "a.ckpt" else load_weights(path)


def test_other_files_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "pickle").write_bytes(pickle.dumps(OrderedDict(a=1)))

    for name in ("text", "pickle"):
        with pytest.raises(ValueError, match=f"{name}: damaged, or not a .safetensors file"):
            load_weights(tmp_path / name)
    with pytest.raises(ValueError, match="text: damaged"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "text")


def test_a_missing_file_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"no such checkpoint: {tmp_path}/a.ckpt"):
        AtomicCheckpointIO().load_checkpoint("a.ckpt")
    with pytest.raises(ValueError, match=f"no such weights: {tmp_path}/a.safetensors"):
        load_weights(Path("a.safetensors"))


def test_weights_come_back_whatever_their_memory(tmp_path: Path) -> None:
    base = torch.randn(4, 6)
    images = torch.randn(2, 3, 4, 4)
    state = {
        "whole": base,
        "same": base,
        "rows": base[1:3],
        "turned": base.T,
        "repeated": base[:1].expand(5, 6),
        "channels_last": images.to(memory_format=torch.channels_last),
        "trained": torch.nn.Parameter(torch.randn(3)),
        "half": torch.randn(3).bfloat16(),
        "count": torch.tensor(3),
        "none": torch.zeros(0, 4),
    }
    metadata = {"config": json.dumps({"a": [1, "é"]}), "lumbar": "0.1.0"}
    save_weights(tmp_path / "model.safetensors", state, metadata)
    loaded, read = load_weights(tmp_path / "model.safetensors")

    assert read == metadata
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor), name


def test_json_is_written_in_one_step(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "a.json", {"AP": 0.5})

    assert json.loads((tmp_path / "new" / "a.json").read_text()) == {"AP": 0.5}
