"""Configs inside files are read as text, whatever stands in them, and never run."""

from pathlib import Path

import pytest

from segmentation.zoo_text import part, read_recipe
from tests.segmentation.zoo_networks import recipe_text


def recipe(text: object, key: str = "config") -> dict[str, object]:
    return read_recipe({"meta": {key: text}})


@pytest.mark.parametrize("key", ["config", "cfg"])
def test_what_a_file_says_is_plain(key: str) -> None:
    stated = recipe(recipe_text(dilation=6, align_corners=True), key)
    model = stated["model"]
    assert isinstance(model, dict)
    assert model["backbone"]["dilations"] == (1, 1, 2, 4)
    assert model["decode_head"] == {
        "type": "FCNHead",
        "in_channels": 2048,
        "channels": 512,
        "num_convs": 2,
        "concat_input": True,
        "dropout_ratio": 0.1,
        "num_classes": 19,
        "dilation": 6,
        "align_corners": True,
        "loss_decode": {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": 1.0},
    }
    assert stated["norm_cfg"] == {"type": "SyncBN", "requires_grad": True}


def test_what_is_no_plain_value_stands_for_nothing(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    text = f"x = open({str(trap)!r}, 'w')\nmodel = dict(a=x, b=[1, len('ab')], c=dict(**x), d=-1)"
    stated = recipe(text)
    assert stated == {"x": None, "model": {"a": None, "b": (1, None), "c": {None: None}, "d": -1}}
    assert not trap.exists()


@pytest.mark.parametrize(
    "text",
    [
        "model = dict(",
        "model = " + "(" * 5000,
        "model = " + "[" * 90 + "]" * 90 + " + " * 3,
        "\0",
        b"model = 1",
        {"model": 1},
        None,
    ],
)
def test_what_is_no_config_says_nothing(text: object) -> None:
    assert recipe(text) == {}
    assert read_recipe({"meta": text}) == {}
    assert read_recipe({}) == {}


def test_parts_are_looked_for_in_order() -> None:
    settings = {"a": None, "b": {"x": 1}, "c": {"x": 2}}
    assert part(settings, "a", "b", "c") == {"x": 1}
    assert part(settings, "c", "b") == {"x": 2}
    assert part(settings, "a", "z") == {}
