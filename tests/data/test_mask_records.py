"""Records are cheap to share, and give each image its mask."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from lumbar.data.mask_records import ClassFolders, MaskFiles, MaskRecords, check_size
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.data.records import ImageTable
from tests.data.mask_files import write_mask

CLASSES = PixelClasses.parse({"background": 0, "cell": 1}, [9])
TABLE = ImageTable(
    names=np.array(["x/a.jpg", "b.jpg", "c.jpg"]),
    ids=np.array([4, 2, 9]),
    sizes=np.array([[2, 3], [2, 3], [5, 6]]),
)
ROW = np.array([[0, 1, 9], [1, 1, 0]], dtype=np.uint8)


@pytest.fixture
def records(tmp_path: Path) -> MaskRecords:
    for name in ("x/a.png", "b.png"):
        write_mask(tmp_path / name, ROW)
    masks = MaskFiles(tmp_path, np.array(["x/a.png", "b.png", "c.png"]))
    return MaskRecords.whole(TABLE, Path("images"), masks=masks, classes=CLASSES)


def test_an_image_has_its_id_size_and_mask(records: MaskRecords, tmp_path: Path) -> None:
    assert len(records) == 3
    assert records[0] == (Path("images/x/a.jpg"), 4, (2, 3))
    assert [record.image_id for record in records] == records.image_ids.tolist() == [4, 2, 9]
    assert records.labels(1, (2, 3)).tolist() == [[0, 1, IGNORE], [1, 1, 0]]
    assert records.files(0) == [Path("images/x/a.jpg"), tmp_path / "x/a.png"]
    assert not records.multilabel


def test_some_images_are_chosen(records: MaskRecords) -> None:
    kept = records.where(np.array([False, True, True]))

    assert kept.image_ids.tolist() == [2, 9]
    assert kept.sizes.tolist() == [[2, 3], [5, 6]]
    assert [record.path.name for record in kept.first(1)] == ["b.jpg"]
    assert len(kept.first(7)) == 2
    assert kept.labels(0, (2, 3)).any()


def test_classes_are_numbered_anew(records: MaskRecords) -> None:
    model = PixelClasses.parse({"dust": 5, "cell": 0, "background": 1})

    labels = records.numbered_as(model).labels(0, (2, 3))

    assert labels.tolist() == [[2, 1, IGNORE], [1, 1, 2]]


def test_a_mask_of_another_size_is_named(records: MaskRecords, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b\.png: the mask is 3 x 2 pixels, but its image 2 x 3"):
        records.labels(1, (3, 2))
    check_size(tmp_path, (4, 5), (4, 5))


def test_many_records_are_small(records: MaskRecords) -> None:
    count = 10_000
    names = np.array([f"{number:06}.png" for number in range(count)])
    table = ImageTable(names, np.arange(count), np.ones((count, 2), dtype=np.int64))
    many = MaskRecords.whole(table, Path(), masks=MaskFiles(Path(), names), classes=CLASSES)

    assert len(pickle.dumps(many)) < 120 * count
    assert pickle.loads(pickle.dumps(records)).labels(0, (2, 3)).tolist()[0][1] == 1


def test_each_class_has_its_own_masks(tmp_path: Path) -> None:
    classes = PixelClasses.parse({"liver": 1, "tumour": "any"}, [9])
    write_mask(tmp_path / "liver/a.png", ROW)
    write_mask(tmp_path / "tumour/a.png", ROW * 3)
    names = np.array([["liver/a.png", "tumour/a.png"], ["", ""], ["liver/a.png", ""]])
    masks = ClassFolders(tmp_path, names, classes.names)
    records = MaskRecords.whole(TABLE, Path(), masks=masks, classes=classes)

    both, none, one = (records.labels(index, (2, 3)) for index in range(3))

    assert both.tolist() == [[[0, 1, IGNORE], [1, 1, 0]], [[0, 1, 1], [1, 1, 0]]]
    assert none.shape == (2, 2, 3)
    assert not none.any()
    assert np.array_equal(one, np.stack((both[0], none[1])))
    assert records.multilabel
    assert [len(records.files(index)) for index in range(3)] == [3, 1, 2]
    turned = records.numbered_as(PixelClasses.parse({"tumour": 1, "liver": 2}))
    assert np.array_equal(turned.labels(0, (2, 3)), both[::-1])
    with pytest.raises(ValueError, match=r"liver/a\.png: the mask is 3 x 2"):
        records.labels(0, (5, 6))
