"""Checkpoints and weights on disk: written whole or not at all, read without running anything in them."""

import json
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lumbar.files import atomic_write

_DAMAGE = (RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError)


class AtomicCheckpointIO(CheckpointIO):
    """How Lightning reads and writes checkpoints: atomically, and tensors and plain values only."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | os.PathLike[str],
        storage_options: object = None,
    ) -> None:
        """Writes a checkpoint; `storage_options` are for storage that we do not use.

        Raises:
            UnwritableError: There is no room for it. The checkpoint of before is as it was.
        """
        assert storage_options is None
        with atomic_write(Path(path)) as partial:
            try:
                torch.save(checkpoint, partial)
            except RuntimeError as error:  # what torch makes of an OSError
                raise OSError(error) from error

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Any = "cpu",
        weights_only: bool | None = None,  # noqa: FBT001 - as Lightning calls it
    ) -> dict[str, Any]:
        """Reads a checkpoint.

        Raises:
            ValueError: The file is missing, damaged, or holds more than tensors and plain values.
        """
        if not Path(path).is_file():
            raise ValueError(f"no such checkpoint: {Path(path).absolute()}")
        try:
            return _load(path, map_location)
        except _DAMAGE as error:
            raise ValueError(
                f"{path}: damaged, or not a checkpoint of tensors and plain values ({error})"
            ) from error

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Removes a checkpoint if it is there."""
        Path(path).unlink(missing_ok=True)


def _load(path: str | os.PathLike[str], map_location: Any) -> dict[str, Any]:
    # torch takes anything else for a pickle of old, and stumbles over it with any error.
    if not zipfile.is_zipfile(path):
        raise pickle.UnpicklingError("no archive, or the end is missing")
    content: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
    return content


def save_weights(path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a `.safetensors` file.

    Args:
        path: The file.
        state: Tensors by name, of any shape, scalar included; those that share memory are written each for itself.
        metadata: Text by name; JSON where it is more than a word.

    Raises:
        UnwritableError: There is no room for it.
    """
    separate = {name: _separate(tensor) for name, tensor in state.items()}
    with atomic_write(path) as partial:
        try:
            save_file(separate, partial, dict(metadata))
        except SafetensorError as error:
            raise OSError(error) from error


def _separate(tensor: Tensor) -> Tensor:
    """The tensor in memory of its own, in row-major order, on the CPU."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads tensors and metadata of a `.safetensors` file.

    Raises:
        ValueError: The file is missing or damaged.
    """
    if not path.is_file():
        raise ValueError(f"no such weights: {path.absolute()}")
    try:
        with safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
            return state, dict(file.metadata() or {})
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged, or not a .safetensors file ({error})") from error


def write_json(path: Path, values: Mapping[str, Any] | list[Any]) -> None:
    """Writes values as indented JSON."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
