"""The images that come with the project may come with it, and can be read."""

import json
from pathlib import Path

import numpy as np
import pytest

from lumbar.data.config import SplitConfig
from lumbar.data.image_io import list_images, read_image
from lumbar.data.mask_folders import Naming, read_mask_files
from lumbar.data.mask_io import read_codes
from lumbar.data.pixel_classes import PixelClasses
from lumbar.data.read import read_split

FREE_LICENCES = {4, 5, 7}
"""Ids of COCO: attribution, attribution-share-alike, no known copyright restrictions."""


def test_coco_images_are_read_and_fit_their_annotations(examples: Path) -> None:
    split = SplitConfig(images="images", annotations="annotations/instances.json")
    records = read_split(split, examples / "coco", name="val")

    assert len(records) == len(records.with_boxes()) == 24
    assert len(records.categories) == 80
    assert records.annotations.repairs == {}
    assert any(record.crowd.any() for record in records)
    for record in records:
        assert read_image(record.path).shape == (*record.size, 3)


def test_coco_images_are_free_and_attributed(examples: Path) -> None:
    folder = examples / "coco"
    document = json.loads((folder / "annotations" / "instances.json").read_text())
    table = (folder / "ATTRIBUTION.md").read_text().splitlines()
    licences = {licence["id"]: licence["url"] for licence in document["licenses"]}

    assert {image["license"] for image in document["images"]} <= FREE_LICENCES
    assert {path.name for path in (folder / "images").iterdir()} == {
        image["file_name"] for image in document["images"]
    }
    for image in document["images"]:
        (row,) = [line for line in table if image["file_name"] in line]
        assert image["flickr_url"] in row
        assert licences[image["license"]] in row


@pytest.mark.parametrize(
    ("name", "images", "boxes", "flat"),
    [("train", 205, 2805, 1), ("val", 87, 1138, 1), ("test", 72, 945, 0)],
)
def test_blood_cells_are_read(
    name: str, images: int, boxes: int, flat: int, examples: Path
) -> None:
    split = SplitConfig(images="images", annotations=f"annotations/{name}.json")
    records = read_split(split, examples / "bccd", name=name)

    assert records.categories.names == ("RBC", "WBC", "Platelets")
    usable = np.concatenate([record.usable for record in records])
    assert (len(records), len(usable), (~usable).sum()) == (images, boxes, flat)
    assert all(record.path.is_file() for record in records)
    assert read_image(records[0].path).shape == (480, 640, 3)


def test_blood_cells_are_split_without_overlap(examples: Path) -> None:
    files = [
        image["file_name"]
        for path in (examples / "bccd" / "annotations").iterdir()
        for image in json.loads(path.read_text())["images"]
    ]

    assert len(files) == len(set(files)) == 364
    assert "MIT License" in (examples / "bccd" / "LICENSE").read_text()


def test_nuclei_are_read_with_a_number_for_each(examples: Path) -> None:
    folder = examples / "nuclei"
    naming = [Naming(listing=folder / f"{split}.txt") for split in ("train", "val", "test")]
    classes = PixelClasses.parse({"background": 0, "nucleus": "any"})
    splits = [
        read_mask_files(
            folder / "images", folder / "labels", naming=names, classes=classes, name="train"
        )
        for names in naming
    ]

    assert [len(records) for records in splits] == [40, 8, 12]
    files = [record.path.name for records in splits for record in records]
    assert len({*files}) == 60 == len(list_images(folder / "images"))
    for records in splits:
        for index, record in enumerate(records):
            labels = records.labels(index, read_image(record.path).shape[:2])
            assert np.unique(labels).tolist() == [0, 1]
            codes = read_codes(folder / "labels" / record.path.name, coloured=False)
            assert np.unique(codes).tolist() == [*range(codes.max() + 1)]
    assert "CC0" in (folder / "LICENSE").read_text()


def test_examples_stay_small(examples: Path) -> None:
    size = sum(path.stat().st_size for path in examples.rglob("*") if path.is_file())

    assert size < 15e6
