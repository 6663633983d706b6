"""Files as they are found: taken out of their wrappers, or named with what is wrong, and never run."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from backbones.files import few, read_weights

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in theirs)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_files_give_back_what_was_saved(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    save_file(STATE, path) if suffix == ".safetensors" else torch.save(STATE, path)

    assert same(read_weights(path).state, STATE)


def test_metadata_is_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.safetensors", {"arch": "resnet50_v1"})

    assert read_weights(tmp_path / "w.safetensors").notes == {"arch": "resnet50_v1"}


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_wrappers_and_prefixes_of_trainers_are_taken_off(tmp_path: Path, wrapper: str) -> None:
    path = tmp_path / "checkpoint.pth"
    wrapped = {f"module.{key}": value for key, value in STATE.items()}
    torch.save({wrapper: wrapped, "epoch": 3, "meta": {"name": "x"}}, path)

    state, notes = read_weights(path)

    assert same(state, STATE)
    assert notes == {"epoch": 3, "meta": {"name": "x"}}


def test_files_of_old_torch_are_read(tmp_path: Path) -> None:
    """MMDetection publishes in the format before archives."""
    torch.save({"state_dict": STATE}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)

    assert same(read_weights(tmp_path / "old.pth").state, STATE)


class HistoryBuffer:
    """As MMEngine's, which it saves in every checkpoint of a run."""

    def __init__(self) -> None:
        self.max_length = 1000
        self._log_history = np.array([0.5, 0.25])
        self._best = np.float64(0.5)


def test_logs_of_mmdetection_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(HistoryBuffer, "__module__", "mmengine.logging.history_buffer")
    module = sys.modules["mmengine.logging.history_buffer"]
    monkeypatch.setattr(module, "HistoryBuffer", HistoryBuffer, raising=False)
    hub = {"log_scalars": {"train/loss": HistoryBuffer()}, "resumed_keys": {}}
    torch.save({"message_hub": hub, "state_dict": STATE}, tmp_path / "epoch_12.pth")
    monkeypatch.undo()

    allowed = torch.serialization.get_safe_globals()
    assert same(read_weights(tmp_path / "epoch_12.pth").state, STATE)
    assert {*torch.serialization.get_safe_globals()} == {*allowed}


def damaged(path: Path) -> None:
    path.write_bytes(b"not weights at all")


def truncated(path: Path) -> None:
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:-200])


class Payload:
    """Code instead of weights."""

    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (damaged, ""),
        (truncated, ""),
        (lambda path: path.write_bytes(b""), ""),
        (
            lambda path: torch.save({"state_dict": {**STATE, "x": Payload()}}, path),
            "it names print",
        ),
    ],
)
def test_bad_files_are_named_and_run_nothing(
    tmp_path: Path, damage: Callable[[Path], None], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.pth"
    damage(path)

    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: damaged, or.*{why}") as error:
        read_weights(path)

    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


def test_a_damaged_safetensors_file_is_named(tmp_path: Path) -> None:
    damaged(tmp_path / "bad.safetensors")

    with pytest.raises(ValueError, match=r"bad\.safetensors: damaged"):
        read_weights(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], {"model": {"a": 1}}, 7])
def test_a_file_without_tensors_is_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "empty.pth")

    with pytest.raises(ValueError, match=r"empty\.pth: no tensors by name"):
        read_weights(tmp_path / "empty.pth")
    save_file({}, tmp_path / "empty.safetensors")
    with pytest.raises(ValueError, match=r"^\S+empty\.safetensors: no tensors by name"):
        read_weights(tmp_path / "empty.safetensors")


def test_missing_and_unknown_files_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, problem in (
        ("absent.pth", rf"no such weights: {re.escape(str(tmp_path))}/absent\.pth.*weights=FILE"),
        ("model.onnx", r"model\.onnx: weights are \.safetensors, \.pth or \.pt"),
        ("R-50.pkl", r"run python tools/convert_weights\.py \S+/R-50\.pkl OUT\.safetensors"),
    ):
        if name != "absent.pth":
            Path(name).touch()
        with pytest.raises(ValueError, match=problem):
            read_weights(Path(name))


def test_a_long_list_of_names_is_cut() -> None:
    assert few([f"layer{n}" for n in range(100)]).endswith("layer5 and 94 more")
    assert few(["a", "b"]) == "a, b"
