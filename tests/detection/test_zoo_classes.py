"""The classes of a zoo keep their names and ids, and the background ends up last."""

import pytest
import torch

from backbones.zoo_translation import Translation
from detection.zoo import TORCHVISION
from detection.zoo_classes import find_categories, put_background_last
from tests.detection.zoo_files import BOXES, CLASSES


@pytest.mark.parametrize("zoo", ["detectron2", "MMDetection"])
def test_eighty_classes_are_those_of_coco_with_their_ids(zoo: str) -> None:
    categories = find_categories(80, zoo, {})

    gaps = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert {*categories.ids} == {*range(1, 91)} - gaps
    places = {name: (row, categories.ids[row]) for row, name in enumerate(categories.names)}
    assert places["person"] == (0, 1)
    assert places["stop sign"] == (11, 13)
    assert places["toothbrush"] == (79, 90)


def test_ninety_classes_of_torchvision_are_the_ids_of_coco() -> None:
    categories = find_categories(90, "torchvision", {})

    assert categories.ids == tuple(range(1, 91))
    assert (categories.names[12], categories.names[11]) == ("stop sign", "N/A")


@pytest.mark.parametrize(
    "meta",
    [
        {"dataset_meta": {"classes": ("cat", "dog"), "palette": [(1, 2, 3)]}},
        {"dataset_meta": {"CLASSES": ("cat", "dog")}},
        {"CLASSES": ["cat", "dog"], "epoch": 12},
    ],
)
def test_names_that_a_file_holds_are_taken(meta: dict[str, object]) -> None:
    categories = find_categories(2, "MMDetection", {"meta": meta})

    assert categories.names == ("cat", "dog")
    assert categories.ids == (1, 2)
    assert find_categories(3, "MMDetection", {"meta": meta}).names[0] == "class 1"


def test_the_names_of_coco_in_a_file_bring_its_ids() -> None:
    names = find_categories(80, "detectron2", {}).names

    categories = find_categories(80, "MMDetection", {"meta": {"CLASSES": names}})

    assert categories == find_categories(80, "detectron2", {})


@pytest.mark.parametrize(
    ("count", "zoo"), [(3, "torchvision"), (80, "torchvision"), (90, "detectron2")]
)
def test_other_classes_are_numbered(count: int, zoo: str) -> None:
    categories = find_categories(count, zoo, {"meta": "none"})

    assert categories.names[:2] == ("class 1", "class 2")
    assert categories.ids == tuple(range(1, count + 1))


def test_the_background_moves_behind_the_classes_and_loses_its_boxes() -> None:
    state = {
        f"{CLASSES}.weight": torch.tensor([[9.0], [1.0], [2.0]]),
        f"{CLASSES}.bias": torch.tensor([9.0, 1.0, 2.0]),
        f"{BOXES}.weight": torch.arange(12.0)[:, None],
        f"{BOXES}.bias": torch.arange(12.0),
    }

    moved = put_background_last(Translation.of(state, TORCHVISION, "file")).state

    assert moved[f"{CLASSES}.weight"].flatten().tolist() == [1, 2, 9]
    assert moved[f"{CLASSES}.bias"].tolist() == [1, 2, 9]
    assert moved[f"{BOXES}.weight"].flatten().tolist() == list(range(4, 12))
    assert moved[f"{BOXES}.bias"].tolist() == list(range(4, 12))
