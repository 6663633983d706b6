"""Classes of known data sets: their numbers are those of the files, their colours those that people know."""

import numpy as np
import pytest

from lumbar.data.class_lists import CLASS_LISTS, find_classes, voc_colours
from lumbar.data.pixel_classes import IGNORE, UNDECLARED, PixelClasses

COUNTS = {
    "voc": 21,
    "cityscapes": 19,
    "cityscapes_train_ids": 19,
    "ade20k": 150,
    "camvid": 11,
    "coco_voc": 21,
}


@pytest.mark.parametrize("name", CLASS_LISTS)
def test_a_list_has_its_classes_with_colours_of_their_own(name: str) -> None:
    classes = find_classes(name, [])

    assert len(classes) == COUNTS[name]
    assert len({*classes.colours}) == len(classes)
    assert PixelClasses.from_dict(classes.to_dict()) == classes


@pytest.mark.parametrize(
    ("name", "values", "labels"),
    [
        ("voc", [0, 15, 20, 255, 21], [0, 15, 20, IGNORE, UNDECLARED]),
        ("cityscapes", [7, 33, 0, 29, 30, 34], [0, 18, IGNORE, IGNORE, IGNORE, UNDECLARED]),
        ("cityscapes_train_ids", [0, 18, 255, 19], [0, 18, IGNORE, UNDECLARED]),
        ("ade20k", [0, 1, 150, 151], [IGNORE, 0, 149, UNDECLARED]),
        ("camvid", [0, 10, 11, 12], [0, 10, IGNORE, UNDECLARED]),
    ],
)
def test_numbers_are_those_of_the_files(name: str, values: list[int], labels: list[int]) -> None:
    assert CLASS_LISTS[name].table[values].tolist() == labels


def test_the_34_values_of_cityscapes_are_19_classes_or_void() -> None:
    labels = CLASS_LISTS["cityscapes"].table[:34]

    assert sorted(labels[labels != IGNORE]) == [*range(19)]


def test_colours_of_voc_follow_from_the_bits_of_the_number() -> None:
    colours = np.array(voc_colours(256))

    assert colours[[0, 1, 2, 3, 15, 255]].tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [192, 128, 128], [224, 224, 192],
    ]  # fmt: skip
    assert len({*map(tuple, colours.tolist())}) == 256


def test_void_values_are_added_to_a_list() -> None:
    classes = find_classes("camvid", [11, 200])

    assert classes.void == (11, 200)
    with pytest.raises(ValueError, match="must differ, but 3 occur"):
        find_classes("camvid", [3]).check_one_meaning()


def test_a_list_that_does_not_exist_is_told() -> None:
    with pytest.raises(
        ValueError, match='no list of classes "cityscape", did you mean "cityscapes"'
    ):
        find_classes("cityscape", [])
    with pytest.raises(ValueError, match="there are voc, cityscapes"):
        find_classes("xyz", [])
    assert find_classes({"a": 1}, [2]) == PixelClasses.parse({"a": 1}, [2])
