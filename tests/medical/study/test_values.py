"""Values of masks are counted, and every message has a line that the loader of settings reads."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumbar.data.pixel_classes import PixelClasses
from lumbar.training.yaml_marks import parse
from medical.scans.read import read_mask
from medical.study.values import (
    codes,
    counted,
    meaning_line,
    proposed_classes,
    undeclared,
    unknown_values,
    written,
)
from tests.medical.study.studies import write_picture


def line_in(text: str, key: str) -> Any:
    """The value of `key: ...` in backticks."""
    match = re.search(rf"`({key}: .*?)`", text)
    assert match, text
    return parse(match[1], "message").values[key]


def test_a_colour_is_one_number(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 1] = (1, 2, 3)

    mask = read_mask(write_picture(tmp_path / "m.png", pixels), coloured=True)

    assert codes(mask).tolist() == [[[0, 65536 + 2 * 256 + 3, 0], [0, 0, 0]]]


def test_every_value_is_counted() -> None:
    assert counted(np.array([[3, 3], [0, 3]])) == {3: 3, 0: 1}


def test_the_proposed_line_declares_the_unknown_value() -> None:
    classes = PixelClasses.parse({"background": 0, "tumour": 255})
    counts = Counter({128: 7, 3: 9})

    text = undeclared(counts, classes)

    assert "3 (9 pixels), 128 (7 pixels)" in text
    names = line_in(text, "classes")
    assert PixelClasses.parse(names).by_number == {0: 0, 255: 1, 3: 2, 128: 3}
    assert line_in(text, "void") == [3, 128]


@pytest.mark.parametrize(
    "classes",
    [
        {"background": 0, "organ": [[1], [2]]},
        {"background": [0, 0, 0], "organ": [[255, 0, 0], [0, 255, 0]]},
        {"background": 0, "no": 1},
    ],
)
def test_the_proposed_line_keeps_what_is_declared(classes: dict[str, Any]) -> None:
    parsed = PixelClasses.parse(classes)

    again = line_in(meaning_line(Counter({9: 1}), parsed), "classes")

    assert {name: again[name] for name in classes} == classes


def test_values_all_over_are_said_to_be_smeared() -> None:
    classes = PixelClasses.parse({"background": 0, "tumour": 255})
    counts = Counter(dict.fromkeys(range(1, 200), 3))

    assert "resized smoothly" in meaning_line(counts, classes)
    assert "187 more" in unknown_values(counts, classes)


def test_classes_are_proposed_from_masks(tmp_path: Path) -> None:
    masks = [
        write_picture(tmp_path / f"{k}.png", np.full((4, 4), value, np.uint8))
        for k, value in enumerate((0, 255, 255))
    ]

    proposed = proposed_classes(masks)

    assert line_in(proposed, "classes") == {"background": 0, "class_255": 255}


def test_many_numbers_are_taken_for_objects(tmp_path: Path) -> None:
    mask = write_picture(tmp_path / "0.png", np.arange(64, dtype=np.uint8).reshape(8, 8))

    assert line_in(proposed_classes([mask]), "classes") == {"background": 0, "object": "any"}


def test_where_no_mask_can_be_read_that_is_told(tmp_path: Path) -> None:
    mask = tmp_path / "0.png"
    mask.write_bytes(b"nothing")

    with pytest.raises(ValueError, match=r"0\.png"):
        proposed_classes([mask])


def test_settings_are_written_on_one_line() -> None:
    value = {"background": 0, "a long name of a class " * 9: [[1], [2]], "no": "any"}

    text = written(value)

    assert "\n" not in text
    assert parse(f"classes: {text}", "test").values["classes"] == value
