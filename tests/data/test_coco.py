"""The COCO reader: what it reads is what the file says, what it repairs is said, what it cannot use is named."""

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from lumbar.data.coco import read_coco
from lumbar.data.records import Records

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Records]:
    """Reads a small file after an edit."""

    def read_edited(edit: Edit = lambda _: None) -> Records:
        document: dict[str, Any] = {
            "images": [
                {"id": 9, "file_name": "b.png", "height": 20, "width": 30},
                {"id": 4, "file_name": "a.png", "height": 40, "width": 50},
            ],
            "annotations": [
                _annotation(1, image=4, category=7),
                _annotation(2, image=9, category=2),
            ],
            "categories": [{"id": 7, "name": "dog"}, {"id": 2, "name": "cat"}],
        }
        edit(document)
        path = tmp_path / "instances.json"
        path.write_text(json.dumps(document))
        return read_coco(path, tmp_path, name="val")

    return read_edited


def test_classes_are_ordered_by_id_and_images_as_in_the_file(read: Callable[..., Records]) -> None:
    records = read()

    assert (records.categories.names, records.categories.ids) == (("cat", "dog"), (2, 7))
    assert [record.image_id for record in records] == [9, 4]
    assert [record.labels.tolist() for record in records] == [[0], [1]]
    assert records[1].boxes.tolist() == [[1.0, 2.0, 11.0, 22.0]]
    assert records[1].size == (40, 50)
    assert records.annotations.repairs == {}


def test_real_annotations_are_those_that_pycocotools_reads(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shared_data / "cocoapi" / "instances_val2014_100.json"
    coco = COCO(path)
    records = read_coco(path, shared_data, name="val")

    assert len(records) == len(coco.imgs)
    for record in records:
        truth = coco.loadAnns(coco.getAnnIds(record.image_id))
        ids = [records.categories.ids[label] for label in record.labels]
        assert record.raw_boxes.tolist() == [row["bbox"] for row in truth]
        assert ids == [row["category_id"] for row in truth]
        assert record.areas.tolist() == [row["area"] for row in truth]
        assert record.crowd.tolist() == [bool(row["iscrowd"]) for row in truth]
    assert sum(record.crowd.sum() for record in records) == 9


REPAIRS: dict[str, tuple[Edit, str, str]] = {
    "area": (
        lambda doc: doc["annotations"][1].pop("area"),
        "annotations without area",
        "annotations[1]",
    ),
    "null area": (
        lambda doc: doc["annotations"][0].update(area=None),
        "annotations without area",
        "annotations[0]",
    ),
    "crowd": (
        lambda doc: doc["annotations"][0].pop("iscrowd"),
        "annotations without iscrowd",
        "annotations[0]",
    ),
    "ids": (
        lambda doc: doc["annotations"][0].update(id=2),
        "annotations with the id of another",
        "annotations[1]",
    ),
    "partly outside": (
        lambda doc: doc["annotations"][0].update(bbox=[45, 0, 10, 10]),
        "boxes partly outside their image",
        "a.png",
    ),
    "outside": (
        lambda doc: doc["annotations"][0].update(bbox=[-20, 0, 10, 10]),
        "boxes outside their image",
        "a.png",
    ),
    "flat": (
        lambda doc: doc["annotations"][0].update(bbox=[5, 5, 0, 10]),
        "boxes without width or height",
        "a.png",
    ),
    "negative": (
        lambda doc: doc["annotations"][0].update(bbox=[5, 5, 10, -1]),
        "boxes without width or height",
        "a.png",
    ),
}


@pytest.mark.parametrize("fault", REPAIRS)
def test_repairs_are_counted(fault: str, read: Callable[..., Records]) -> None:
    edit, repair, where = REPAIRS[fault]
    records = read(edit)

    [(found, (times, first))] = records.annotations.repairs.items()
    assert (found[: len(repair)], times) == (repair, 1)
    assert first == where
    assert len(records[1].raw_boxes) == 1


def test_repaired_values(read: Callable[..., Records]) -> None:
    def edit(document: dict[str, Any]) -> None:
        del document["annotations"][0]["area"], document["annotations"][0]["iscrowd"]
        del document["annotations"][0]["id"]

    record = read(edit)[1]

    assert (record.areas.tolist(), record.crowd.tolist()) == ([200.0], [False])


def test_a_missing_size_comes_from_the_image(read: Callable[..., Records], tmp_path: Path) -> None:
    Image.new("RGB", (33, 22)).save(tmp_path / "a.png")
    records = read(lambda doc: doc["images"][1].pop("width"))

    assert [record.size for record in records] == [(20, 30), (22, 33)]
    assert records.annotations.repairs == {
        "images without height or width: read from the file": (1, "images[1]")
    }


def test_categories_of_one_name_stay_apart(read: Callable[..., Records]) -> None:
    records = read(lambda doc: doc["categories"][0].update(name="cat"))

    assert records.categories.names == ("cat (2)", "cat (7)")


def test_images_without_objects_are_kept(read: Callable[..., Records]) -> None:
    records = read(lambda doc: doc["annotations"].clear())

    assert [len(record.boxes) for record in records] == [0, 0]
    assert records[0].boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("useless", "what"),
    [
        ({"image_id": 5}, 'annotations of an image that is not in "images": left out'),
        ({"bbox": [0, 0, math.nan, 1]}, "annotations without four finite numbers"),
        ({"bbox": None}, "annotations without four finite numbers"),
    ],
)
def test_a_few_useless_annotations_are_left_out(
    useless: dict[str, Any], what: str, read: Callable[..., Records]
) -> None:
    good = [_annotation(number, image=number % 2 * 5 + 4, category=2) for number in range(198)]
    bad = [_annotation(number, image=4, category=2) | useless for number in (998, 999)]

    records = read(lambda doc: doc.update(annotations=[*good[:70], *bad, *good[70:]]))

    expected = read(lambda doc: doc.update(annotations=good)).annotations
    np.testing.assert_array_equal(records.annotations.objects, expected.objects)
    [(found, repair)] = records.annotations.repairs.items()
    assert found.startswith(what)
    assert repair == (2, "annotations[70]")
    with pytest.raises(ValueError, match=r"2 of 199 .* annotations\[0\] .*: correct or remove"):
        read(lambda doc: doc.update(annotations=[*bad, *good[1:]]))


FAULTS: dict[str, tuple[Edit, str]] = {
    "no list": (lambda doc: doc.pop("images"), 'no list "images"'),
    "no rows": (lambda doc: doc.update(categories=[3]), 'no list "categories"'),
    "nan": (
        lambda doc: doc["annotations"][1].update(bbox=[0, 0, math.nan, 1]),
        r'1 of 2 annotations are without four finite numbers.*annotations\[1\].*"bbox" \[0, 0, nan, 1\]',
    ),
    "infinite": (lambda doc: doc["annotations"][0].update(bbox=[0, 0, math.inf, 1]), "finite.*inf"),
    "giant": (lambda doc: doc["annotations"][0].update(bbox=[0, 0, 10**400, 1]), "finite"),
    "three": (lambda doc: doc["annotations"][0].update(bbox=[0, 0, 1]), "four finite numbers"),
    "no box": (lambda doc: doc["annotations"][0].pop("bbox"), '"bbox" None: correct or remove'),
    "area": (lambda doc: doc["annotations"][0].update(area="big"), '"area" must be a finite'),
    "image": (
        lambda doc: doc["annotations"][0].update(image_id=5),
        r'1 of 2 annotations are of an image that is not in "images".*annotations\[0\].*"image_id" 5',
    ),
    "category": (
        lambda doc: doc["annotations"][0].update(category_id=1),
        '"category_id" that is not in "categories", the first is 1',
    ),
    "image twice": (lambda doc: doc["images"][0].update(id=4), '"images" has the id 4 more'),
    "class twice": (
        lambda doc: doc["categories"][0].update(id=2),
        '"categories" has the id 2 more',
    ),
    "text id": (lambda doc: doc["images"][0].update(id="9"), "must be a whole number, got '9'"),
    "nameless": (lambda doc: doc["categories"][0].pop("name"), '"name" is missing'),
    "outside": (lambda doc: doc["images"][0].update(file_name="../b.png"), "leads out of"),
    "long name": (lambda doc: doc["images"][0].update(file_name="b" * 9999), "short text"),
    "no file": (lambda doc: doc["images"][0].pop("width"), r"b\.png: no such image file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_the_file_and_the_value(fault: str, read: Callable[..., Records]) -> None:
    edit, message = FAULTS[fault]

    with pytest.raises(ValueError, match=rf"instances\.json: .*{message}"):
        read(edit)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": [\n{"id": 1,', "JSON: .*line 2.*complete"),
        ("", "JSON: "),
        ("[" * 100_000, "JSON: "),
        ("\xff\xfe", "JSON: "),
        ('[{"image_id": 1, "score": 0.5}]', 'no list "categories".*but this is .*score'),
    ],
)
def test_what_is_not_coco_is_said(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(ValueError, match=rf"a\.json: .*{message}"):
        read_coco(path, tmp_path, name="val")


def test_a_byte_order_mark_is_no_fault(read: Callable[..., Records], tmp_path: Path) -> None:
    expected = read()
    path = tmp_path / "instances.json"
    path.write_text(path.read_text(), encoding="utf-8-sig")

    records = read_coco(path, tmp_path, name="val")
    np.testing.assert_array_equal(records.annotations.objects, expected.annotations.objects)


def test_a_large_file_is_read_once(
    read: Callable[..., Records],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LUMBAR_CACHE", str(tmp_path / "cache"))
    small = read(lambda doc: doc["annotations"][0].pop("area"))
    path = tmp_path / "instances.json"
    path.write_text(path.read_text().ljust(10 * 2**20))
    caplog.clear()

    with caplog.at_level(logging.INFO):
        large = [read_coco(path, tmp_path, name="val") for _ in range(2)]

    for records in large:
        np.testing.assert_array_equal(records.annotations.images, small.annotations.images)
        np.testing.assert_array_equal(records.annotations.objects, small.annotations.objects)
        assert records.categories == small.categories
    once, *repairs = caplog.messages
    assert "instances.json (10 MB) once" in once
    assert len(repairs) == 2
    assert repairs[0] == repairs[1]
    assert "annotations without area" in repairs[1]


def _annotation(number: int, *, image: int, category: int) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [1.0, 2.0, 10.0, 20.0] if image == 4 else [1.0, 2.0, 3.0, 4.0],
        "area": 55.5,
        "iscrowd": 0,
    }
