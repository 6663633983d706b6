"""Classes have the names, colours and values that their zoo gave them."""

import pytest

from lumbar.data.class_lists import CLASS_LISTS
from lumbar.data.pixel_classes import PixelClasses
from segmentation.zoo_classes import zoo_classes

NAMES, PALETTE = ("road", "sky"), [[128, 64, 128], [70, 130, 180]]


def stated(count: int = 2, **meta: object) -> PixelClasses:
    return zoo_classes(count, "MMSegmentation", {"meta": meta})


def test_torchvisions_are_those_of_pascal_voc() -> None:
    classes = zoo_classes(21, "torchvision", {})
    assert classes == CLASS_LISTS["voc"]
    assert (classes.names[0], classes.names[-1]) == ("background", "tvmonitor")
    assert zoo_classes(20, "torchvision", {}).names[0] == "class 1"


@pytest.mark.parametrize(
    "meta",
    [
        {"CLASSES": NAMES, "PALETTE": PALETTE},
        {"dataset_meta": {"classes": [*NAMES], "palette": PALETTE}},
    ],
)
def test_names_and_colours_are_those_of_the_file(meta: dict[str, object]) -> None:
    classes = stated(**meta)
    assert classes == PixelClasses(
        NAMES, ((0,), (1,)), ((128, 64, 128), (70, 130, 180)), void=(255,)
    )


def test_a_zero_that_was_not_counted_is_nothing() -> None:
    classes = stated(dataset_meta={"classes": NAMES, "reduce_zero_label": True})
    assert (classes.values, classes.void) == (((1,), (2,)), (0,))


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"CLASSES": None, "PALETTE": None},
        {"CLASSES": ("one",)},
        {"CLASSES": ("same", "same")},
        {"dataset_meta": "text"},
    ],
)
def test_classes_without_good_names_are_numbered(meta: dict[str, object]) -> None:
    assert stated(**meta).names == ("class 1", "class 2")
    assert zoo_classes(2, "MMSegmentation", meta).names == ("class 1", "class 2")


@pytest.mark.parametrize(
    "palette",
    [PALETTE[:1], [[0, 0, 256], [1, 1, 1]], [[0, 0], [1, 1]], "ab", [["r", "g", "b"]] * 2],
)
def test_a_palette_that_is_none_is_replaced(palette: object) -> None:
    colours = stated(CLASSES=NAMES, PALETTE=palette).colours
    assert colours == stated(CLASSES=NAMES).colours
    assert len({*colours}) == 2
