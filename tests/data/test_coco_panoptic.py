"""Panoptic PNGs: colours number segments, and the JSON file says of which category they are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumbar.data.coco_panoptic import is_panoptic, read_coco_panoptic
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from tests.data.mask_files import write_mask

IDS = np.array([[0, 7, 70_000, 7], [300, 300, 16_000_000, 0]])
"""Of the segments of an image."""
CATEGORIES = [
    {"id": 1, "name": "person", "isthing": 1, "color": [220, 20, 60]},
    {"id": 200, "name": "rug", "isthing": 0, "color": [1, 2, 3]},
    {"id": 92, "name": "banner", "isthing": 0},
]
SEGMENTS = [
    {"id": 70_000, "category_id": 1, "iscrowd": 0},
    {"id": 7, "category_id": 200},
    {"id": 300, "category_id": 92, "iscrowd": 0},
    {"id": 16_000_000, "category_id": 1, "iscrowd": 1},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two images, the second of one segment."""
    (tmp_path / "panoptic").mkdir()
    rows = []
    for number, ids in enumerate((IDS, np.full((2, 4), 5)), start=1):
        colours = np.stack((ids % 256, ids // 256 % 256, ids // 65536), axis=2).astype(np.uint8)
        write_mask(tmp_path / f"panoptic/{number}.png", colours)
        segments = SEGMENTS if number == 1 else [{"id": 5, "category_id": 200}]
        rows.append({"image_id": number, "file_name": f"{number}.png", "segments_info": segments})
    images = [
        {"id": number, "file_name": f"{number}.jpg", "height": 2, "width": 4} for number in (1, 2)
    ]
    document = {"images": images, "categories": CATEGORIES, "annotations": rows[::-1]}
    (tmp_path / "panoptic.json").write_text(json.dumps(document))
    return tmp_path / "panoptic.json"


def read(file: Path, classes: PixelClasses | None = None) -> MaskRecords:
    return read_coco_panoptic(file, file.parent / "images", classes=classes)


def change(file: Path, **lists: Any) -> Path:
    file.write_text(json.dumps(json.loads(file.read_text()) | lists))
    return file


def test_things_and_stuff_are_classes_and_crowds_are_ignored(file: Path) -> None:
    records = read(file)

    assert records.classes.names == ("person", "banner", "rug")
    assert records.classes.ids == (1, 92, 200)
    assert records.classes.colours[0] == (220, 20, 60)
    assert records.classes.colours[2] == (1, 2, 3)
    expected = [[IGNORE, 2, 0, 2], [1, 1, IGNORE, IGNORE]]
    assert records.labels(0, (2, 4)).tolist() == expected
    assert records.labels(1, (2, 4)).tolist() == [[2] * 4] * 2
    assert records.image_ids.tolist() == [1, 2]
    assert records.files(0)[1] == file.parent / "panoptic/1.png"


def test_some_categories_can_be_chosen_and_joined(file: Path) -> None:
    chosen = PixelClasses.parse({"person": 1, "cloth": [[92], [200]]})
    known = PixelClasses.parse({"background": 0, "person": 1})

    assert read(file, chosen).labels(0, (2, 4))[0].tolist() == [IGNORE, 1, 0, 1]
    assert read(file, known).labels(0, (2, 4))[0].tolist() == [IGNORE, 0, 1, 0]


def test_it_is_told_by_the_folder_beside_it(file: Path) -> None:
    assert is_panoptic(file)
    assert not is_panoptic(file.with_name("instances.json"))


def test_segments_that_are_not_listed_are_named(file: Path) -> None:
    document = json.loads(file.read_text())
    document["annotations"][1]["segments_info"] = SEGMENTS[:2]
    records = read(change(file, **document))

    with pytest.raises(ValueError, match=r"1\.png: segments .* does not list: 300, 16000000"):
        records.labels(0, (2, 4))
    with pytest.raises(ValueError, match=r"2\.png: the mask is 4 x 2 pixels, but its image 2 x 4"):
        records.labels(1, (4, 2))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"segments_info": [{"id": 3}]}, r'"segments_info" must be a list'),
        ({"segments_info": 3}, r'"segments_info" must be a list'),
        ({"segments_info": [{"id": 2**70, "category_id": 1}]}, r'"segments_info" must be a list'),
        ({"file_name": "../1.png"}, "leads out of"),
        ({"image_id": 9}, r"images without an annotation \(1 in all\):\n  image 2"),
    ],
)
def test_faults_name_the_file(row: dict[str, Any], message: str, file: Path) -> None:
    document = json.loads(file.read_text())
    document["annotations"][0] |= row

    with pytest.raises(ValueError, match=rf"panoptic\.json: .*{message}"):
        read(change(file, **document))
