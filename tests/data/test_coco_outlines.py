"""Outlines of objects become classes as torchvision's training scripts make them."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from lumbar.data.class_lists import CLASS_LISTS
from lumbar.data.coco_outlines import read_coco_outlines
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from tests.data.mask_files import write_image

SIZE = (8, 10)
CLASSES = PixelClasses.parse({"background": 0, "cat": 17, "dog": 18})


def box(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def thing(category: int, outline: Any, **more: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": category, "segmentation": outline, "area": 9, **more}


def write(folder: Path, *objects: dict[str, Any], **lists: Any) -> Path:
    """A file about two images, of which the first has these objects."""
    images = [
        {"id": number, "file_name": f"{number}.png", "height": SIZE[0], "width": SIZE[1]}
        for number in (1, 2)
    ]
    names = {1: "person", 17: "cat", 18: "dog"}
    categories = [{"id": key, "name": name} for key, name in names.items()]
    document = {"images": images, "categories": categories, "annotations": [*objects]}
    (folder / "a.json").write_text(json.dumps(document | lists))
    return folder / "a.json"


def read(file: Path, classes: PixelClasses | None = CLASSES, min_area: float = 0) -> MaskRecords:
    return read_coco_outlines(file, file.parent, classes=classes, min_area=min_area, name="train")


def drawn(file: Path, **options: Any) -> Any:
    return read(file, **options).labels(0, SIZE)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@pytest.mark.parametrize("split", ["train2017", "val2017"])
def test_coco_has_the_labels_of_torchvision(split: str, shared_data: Path) -> None:
    """Its script joins the polygons of an object, takes the class of each, and ignores where objects meet."""
    file = shared_data / f"coco/annotations/instances_{split}.json"
    classes = CLASS_LISTS["coco_voc"]
    ids = list(classes.ids)
    least = 1000.0 if split == "train2017" else 0.0
    coco = COCO(file)

    records = read_coco_outlines(
        file, shared_data / "coco" / split, classes=classes, min_area=least, name="train"
    )

    expected_ids = []
    for image_id in coco.imgs:
        rows = [row for row in coco.imgToAnns[image_id] if row["category_id"] in ids]
        if least and sum(row["area"] for row in rows) <= least:
            continue
        expected_ids.append(image_id)
        size = (coco.imgs[image_id]["height"], coco.imgs[image_id]["width"])
        masks = np.array([coco.annToMask(row) for row in rows]).reshape(-1, *size)
        labels = np.array([ids.index(row["category_id"]) for row in rows]).reshape(-1, 1, 1)
        expected = (masks * labels).max(0, initial=0)
        expected[masks.sum(0) > 1] = IGNORE
        place = records.image_ids.tolist().index(image_id)
        assert np.array_equal(records.labels(place, size), expected)
    assert records.image_ids.tolist() == expected_ids
    assert (least > 0) == (len(records) < len(coco.imgs))


def test_objects_are_classes_and_the_rest_is_background(tmp_path: Path) -> None:
    dog, cat = thing(18, box(1, 1, 5, 5)), thing(17, box(6, 2, 9, 7))
    file = write(tmp_path, thing(1, box(0, 0, 10, 8)), dog, cat)

    labels = drawn(file)

    assert labels[1:5, 1:5].tolist() == [[2] * 4] * 4
    assert labels[2:7, 6:9].tolist() == [[1] * 3] * 5
    assert (labels == 0).sum() == 80 - 16 - 15
    assert not read(file).labels(1, SIZE).any()


def test_pixels_of_several_objects_are_ignored_also_of_one_class(tmp_path: Path) -> None:
    file = write(
        tmp_path, thing(18, box(0, 0, 4, 8)), thing(18, box(2, 0, 6, 8)), thing(17, box(3, 0, 5, 2))
    )

    labels = drawn(file)

    assert (labels[:, 2:4] == IGNORE).all()
    assert (labels[:2, 4] == IGNORE).all()
    assert (labels[2:, 4:6] == 2).all()


def test_a_crowd_is_an_object_in_any_spelling(tmp_path: Path) -> None:
    runs = {"size": [*SIZE], "counts": [0, 8, 72]}

    assert (drawn(write(tmp_path, thing(17, runs, iscrowd=1)))[:, 0] == 1).all()


def test_without_a_background_the_rest_is_ignored(tmp_path: Path) -> None:
    labels = drawn(
        write(tmp_path, thing(18, box(0, 0, 4, 8))), classes=PixelClasses.parse({"dog": 18})
    )

    assert np.unique(labels).tolist() == [0, IGNORE]


def test_without_classes_all_categories_are(tmp_path: Path) -> None:
    file = write(tmp_path, thing(1, box(0, 0, 4, 8)))

    records = read(file, classes=None)

    assert records.classes.names == ("background", "person", "cat", "dog")
    assert records.classes.ids == (0, 1, 17, 18)
    assert (records.labels(0, SIZE)[:, :4] == 1).all()
    zero = write(tmp_path, categories=[{"id": 0, "name": "cell"}, {"id": 1, "name": "background"}])
    assert read(zero, classes=None).classes.ids == (1, 0)


def test_small_images_are_left_out(tmp_path: Path) -> None:
    file = write(tmp_path, thing(17, box(0, 0, 3, 3)), thing(17, box(4, 4, 7, 7)))

    assert read(file, min_area=17).image_ids.tolist() == [1]
    assert len(read(file, min_area=18)) == 0


def test_annotations_of_unknown_images_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path, thing(17, box(0, 0, 3, 3), image_id=7))

    with caplog.at_level(logging.WARNING):
        assert not drawn(file).any()

    assert "annotations of images that are not listed: left out (1)" in caplog.text


def test_an_outline_that_would_crash_is_named(tmp_path: Path) -> None:
    for wrong in ({"size": [9, 9], "counts": [81]}, [[0, 0, 1e9, 1, 1, 1]], None):
        file = write(tmp_path, thing(1, None), thing(17, wrong))
        with pytest.raises(ValueError, match=r"a\.json: annotations\[1\]: "):
            drawn(file)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"images": 3}, 'no list "images"'),
        ({"annotations": [{"image_id": 1}]}, '"category_id" is missing'),
        ({"annotations": [thing(17, [], area="x")]}, '"area" must be a number'),
        ({"images": [{"id": 1, "file_name": "../a.png"}]}, "leads out of"),
    ],
)
def test_faults_name_the_file(lists: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"a\.json: .*{message}"):
        read(write(tmp_path, **lists))


def test_sizes_that_the_file_lacks_are_those_of_the_images(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", (5, 7))

    assert read(write(tmp_path, images=[{"id": 1, "file_name": "1.png"}]))[0].size == (5, 7)
    assert read(write(tmp_path)).files(0) == [tmp_path / "1.png", tmp_path / "a.json"]
