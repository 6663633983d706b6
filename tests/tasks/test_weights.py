"""Models come back from their files with all that belongs to them; rows of classes are found by name."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumbar.tasks.weights import load_model, save_model, shared_rows, take_rows
from lumbar.training.checkpoint import load_weights, save_weights
from tests.tasks.small_task import Data, Small

STATE = {"layer.weight": torch.arange(6.0).view(2, 3), "layer.count": torch.tensor(4)}
CLASSES = {"names": ["cat", "dog"], "ids": [3, 5]}
NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    path, config = tmp_path / "new" / "model.safetensors", Small(seed=7, data=Data(root="/x"))

    save_model(path, STATE, config, arch="resnet18", kinds=CLASSES)
    state, settings, classes = load_model(path, Small, what="sorter", classes="kinds")

    assert (settings, classes) == (config, CLASSES)
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert load_weights(path)[1].keys() == {"lumbar", "arch", "config", "kinds"}


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    save_weights(tmp_path / "bare.safetensors", STATE, {"config": "{}"})
    save_model(tmp_path / "other.safetensors", STATE, Small(), arch="resnet18", others=CLASSES)

    for name in ("bare", "other"):
        with pytest.raises(ValueError, match=rf"{name}\.safetensors: holds no Lumbar sorter"):
            load_model(tmp_path / f"{name}.safetensors", Small, what="sorter", classes="kinds")


@given(NAMES, NAMES)
def test_rows_go_where_their_names_went(old: list[str], new: list[str]) -> None:
    rows = torch.arange(1.0, 2 * len(old) + 1).view(len(old), 2)

    taken = take_rows(rows, shared_rows(old, new), len(new))

    assert taken.shape == (len(new), 2)
    for name, row in zip(new, taken, strict=True):
        expected = rows[old.index(name)] if name in old else torch.zeros(2)
        assert torch.equal(row, expected)
