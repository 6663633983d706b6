"""What the values of masks mean: each has one meaning, which survives the weights file."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.pixel_classes import (
    IGNORE,
    UNDECLARED,
    PixelClasses,
    default_colours,
    parse_void,
    shortened,
)

numbers = st.integers(0, 65535)
colours = st.tuples(*[st.integers(0, 255)] * 3)


@settings(max_examples=25)
@given(
    st.one_of(st.lists(numbers, unique=True), st.lists(colours, unique=True)).filter(
        lambda v: len(v) > 1
    ),
    st.data(),
)
def test_every_value_is_looked_up(values: list[Any], data: st.DataObject) -> None:
    """Some values are void, and several may mean the same."""
    count = data.draw(st.integers(1, len(values) - 1))
    labels = [*range(count), *(data.draw(st.integers(0, count)) for _ in values[count:])]
    grouped = [
        [v for v, label in zip(values, labels, strict=True) if label == k] for k in range(count)
    ]
    void = [value for value, label in zip(values, labels, strict=True) if label == count]
    entries = [[[*v] if isinstance(v, tuple) else [v] for v in group] for group in grouped]

    classes = PixelClasses.parse({f"class {k}": entry for k, entry in enumerate(entries)}, void)

    codes = [v[0] << 16 | v[1] << 8 | v[2] if isinstance(v, tuple) else v for v in values]
    expected = [IGNORE if label == count else label for label in labels]
    assert classes.table[codes].tolist() == expected
    assert (classes.table == UNDECLARED).sum() == len(classes.table) - len(values)
    assert PixelClasses.from_dict(json.loads(json.dumps(classes.to_dict()))) == classes


def test_any_is_every_number_without_another_meaning() -> None:
    classes = PixelClasses.parse({"background": 0, "cell": "any"}, [7])

    assert classes.table[[0, 1, 6, 7, 8, 65535]].tolist() == [0, 1, 1, IGNORE, 1, 1]
    assert classes.ids == (0, 1)
    assert PixelClasses.from_dict(classes.to_dict()) == classes


def test_ids_are_the_first_number_or_a_free_one() -> None:
    assert PixelClasses.parse({"a": [[5], [6]], "b": 0, "c": "any"}, [1]).ids == (5, 0, 2)
    assert PixelClasses.parse({"a": [9, 9, 9], "b": [0, 0, 0]}).ids == (0, 1)


def test_colours_of_masks_are_those_of_pictures() -> None:
    classes = PixelClasses.parse({"road": [128, 64, 128], "car": [[0, 0, 142], [0, 0, 70]]})

    assert classes.coloured
    assert classes.colours == ((128, 64, 128), (0, 0, 142))
    assert not PixelClasses.parse({"a": 1}).coloured


@pytest.mark.parametrize("count", [2, 9, 254])
def test_default_colours_differ_and_a_background_is_black(count: int) -> None:
    chosen = default_colours(["background", *map(str, range(count - 1))])

    assert chosen[0] == (0, 0, 0)
    gaps = np.linalg.norm(np.array(chosen)[:, None] - np.array(chosen), axis=2)
    assert gaps[~np.eye(count, dtype=bool)].min() > 40
    assert default_colours(["x"]) == chosen[1:2]


def test_one_class_alone_has_zero_for_all_else() -> None:
    classes = PixelClasses.parse({"liver": 255, "tumour": [[1], [2]]}, [9])

    assert classes.binary_table(1)[[0, 1, 2, 9, 255]].tolist() == [0, 1, 1, IGNORE, UNDECLARED]
    assert classes.binary_table(0)[[0, 255]].tolist() == [0, 1]
    coloured = PixelClasses.parse({"road": [0, 0, 7], "tree": [0, 0, 7]})
    assert coloured.binary_table(1)[[0, 7, 8]].tolist() == [0, 1, UNDECLARED]
    with pytest.raises(ValueError, match="0 cannot stand for the class a: in masks of one class"):
        PixelClasses.parse({"a": 0}).binary_table(0)


def test_classes_are_numbered_as_in_a_model() -> None:
    own = PixelClasses.parse({"car": 3, "road": 1}, [4])
    model = PixelClasses.parse({"road": 0, "sky": 1, "car": 2})

    numbered = own.numbered_as(model)

    assert numbered.names == model.names
    assert numbered.colours == model.colours
    assert numbered.table[[1, 3, 4, 0]].tolist() == [0, 2, IGNORE, UNDECLARED]
    with pytest.raises(ValueError, match="of the 3 classes of the data, sky are not among the 2"):
        model.numbered_as(own)


def test_pixels_that_a_file_says_nothing_of() -> None:
    assert PixelClasses.parse({"car": 1, "background": 0}).unlisted == 1
    assert PixelClasses.parse({"car": 1}).unlisted == IGNORE
    assert PixelClasses.parse({"car": [[1], [7]], "road": 2}).by_number == {1: 0, 7: 0, 2: 1}


@pytest.mark.parametrize(("classes", "void"), [({"a": 1, "b": [[1], [2]]}, []), ({"a": 1}, [1])])
def test_a_value_of_two_classes_has_no_label(classes: dict[str, Any], void: list[Any]) -> None:
    ambiguous = PixelClasses.parse(classes, void)

    for use in (ambiguous.check_one_meaning, lambda: ambiguous.table):
        with pytest.raises(ValueError, match="values of classes must differ, but 1 occur"):
            use()


FAULTS: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "mixed": ({"a": 1, "b": [1, 2, 3]}, [], r"all numbers or all colours.*\[\[1\], \[2\], \[3\]\]"),
    "high": ({"a": 65536}, [], "a: 65536 is no value of a mask"),
    "bright": ({"a": [0, 0, 256]}, [], r"\[0, 0, 256\] is no value"),
    "pair": (
        {"a": [1, 2]},
        [],
        r"a: \[1, 2\] is no value .* several of them like \[\[1\], \[2\]\]",
    ),
    "text": ({"a": "1-3"}, [], "'1-3' is no value"),
    "nothing": ({"a": None}, [], "None is no value"),
    "truth": ({"a": True}, [], "True is no value"),
    "empty": ({}, [], "1 to 254 classes"),
    "many": ({str(number): number for number in range(255)}, [], "1 to 254 classes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_values_without_one_meaning_are_refused(fault: str) -> None:
    classes, void, message = FAULTS[fault]

    with pytest.raises(ValueError, match=message):
        PixelClasses.parse(classes, void)


def test_void_is_of_numbers_and_colours() -> None:
    assert parse_void([11, [0, 0, 0]]) == (11, (0, 0, 0))
    with pytest.raises(ValueError, match="void: 'any' is no value"):
        parse_void(["any"])


@pytest.mark.parametrize("saved", [{}, {"names": 3}, {"names": ["a"], "values": [[1]]}])
def test_what_to_dict_did_not_write_is_refused(saved: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r'expected \{"names"'):
        PixelClasses.from_dict(saved)


def test_long_lists_are_shortened() -> None:
    assert shortened([1, 2]) == "1, 2"
    assert shortened([*range(15)]).endswith("11 and 3 more")
