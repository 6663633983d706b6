"""Whole models at rest: weights with the settings and classes they were trained with, and rows of classes by name."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

import lumbar
from lumbar.tasks.settings import C
from lumbar.training.checkpoint import load_weights, save_weights
from lumbar.training.load import config_from_dict, config_to_dict


def save_model(
    path: Path,
    state: Mapping[str, Tensor],
    config: C,
    *,
    arch: str,
    **classes: Mapping[str, Any],
) -> None:
    """Writes a `.safetensors` file that says all about itself.

    Args:
        path: The file.
        state: Tensors by Lumbar's names, of any shape, scalar included.
        config: The settings it was made with.
        arch: Name of its residual network.
        **classes: What labels mean, ready for JSON, under the name by which the task finds it again.
    """
    metadata = {
        "lumbar": lumbar.__version__,
        "arch": arch,
        "config": json.dumps(config_to_dict(config)),
    }
    about = {name: json.dumps(value) for name, value in classes.items()}
    save_weights(path, state, metadata | about)


def load_model(
    path: Path, schema: type[C], *, what: str, classes: str
) -> tuple[dict[str, Tensor], C, dict[str, Any]]:
    """Reads what `save_model` wrote.

    Args:
        path: The file.
        schema: Of its settings.
        what: Kind of the model, for the message.
        classes: The name of what labels mean.

    Returns:
        Tensors by name, settings, and what labels mean.

    Raises:
        ValueError: The file is missing or damaged, or holds something else.
    """
    state, metadata = load_weights(path)
    if not {"config", classes} <= metadata.keys():
        raise ValueError(f"{path}: holds no Lumbar {what} (no config and classes in its metadata)")
    config = config_from_dict(schema, json.loads(metadata["config"]))
    return state, config, json.loads(metadata[classes])


def shared_rows(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Finds the classes that two models have in common: new row to old row, by name."""
    places = {name: row for row, name in enumerate(old)}
    return {row: places[name] for row, name in enumerate(new) if name in places}


def take_rows(rows: Tensor, sources: Mapping[int, int], count: int) -> Tensor:
    """Copies rows of classes to their new places; the others start at zero.

    Args:
        rows: (K, ...) of the old classes.
        sources: New row to old row.
        count: Number of new rows.

    Returns:
        (count, ...).
    """
    taken = rows.new_zeros((count, *rows.shape[1:]))
    taken[list(sources)] = rows[list(sources.values())]
    return taken
