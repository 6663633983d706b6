"""The reader of a split follows from its settings, and what is missing is named with the key to set."""

import json
from pathlib import Path

import numpy as np
import pytest

from lumbar.data.pixel_classes import PixelClasses
from segmentation.data_config import MaskSplitConfig
from segmentation.read_masks import read_masks
from tests.data.mask_files import write_mask, write_pairs

CLASSES = PixelClasses.parse({"background": 0, "cell": 1})
SPLIT = MaskSplitConfig(images="images", masks="masks")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three images with masks."""
    write_pairs(tmp_path, *[np.eye(4, 6, dtype=np.uint8)] * 3)
    return tmp_path


def change(**settings: object) -> MaskSplitConfig:
    return SPLIT.model_copy(update=settings)


def test_folders_are_read_with_their_naming_and_limit(root: Path) -> None:
    (root / "list.txt").write_text("2\n0\n")

    assert len(read_masks(SPLIT, root, classes=CLASSES, name="val")) == 3
    limited = read_masks(change(limit=2), root, classes=CLASSES, name="val")
    assert [record.path.stem for record in limited] == ["0", "1"]
    listed = read_masks(change(listing="list.txt"), root, classes=CLASSES, name="val")
    assert [record.path.stem for record in listed] == ["2", "0"]
    for path in (root / "masks").iterdir():
        path.rename(path.with_name(f"{path.stem}_m.png"))
    assert len(read_masks(change(mask_suffix="_m"), root, classes=CLASSES, name="val")) == 3


def test_folders_of_classes_are_asked_for(root: Path) -> None:
    classes = PixelClasses.parse({"liver": 1, "tumour": 1})
    for name in classes.names:
        write_mask(root / f"apart/{name}/1.png", np.eye(4, 6, dtype=np.uint8))
    split = change(masks="apart", format="class_folders")

    records = read_masks(split, root, classes=classes, name="val")

    assert records.multilabel
    assert records.labels(1, (4, 6)).sum() == 2 * 4


def test_json_files_are_of_coco(root: Path) -> None:
    """With a folder of PNGs beside it, panoptic."""
    image = {"id": 1, "file_name": "0.png", "height": 4, "width": 6}
    document = {"images": [image], "categories": [{"id": 3, "name": "cat"}], "annotations": []}
    (root / "a.json").write_text(json.dumps(document))

    outlines = read_masks(change(masks="a.json"), root, classes=None, name="val")
    assert outlines.classes.names == ("background", "cat")
    none = change(masks="a.json", min_area=5.0)
    with pytest.raises(ValueError, match=r"data\.val: .*a\.json has no images"):
        read_masks(none, root, classes=None, name="val")

    write_mask(root / "a/0.png", np.full((4, 6, 3), (7, 0, 0), dtype=np.uint8))
    segments = [{"id": 7, "category_id": 3}]
    document["annotations"] = [{"image_id": 1, "file_name": "0.png", "segments_info": segments}]
    (root / "a.json").write_text(json.dumps(document))
    panoptic = read_masks(change(masks="a.json"), root, classes=None, name="val")
    assert panoptic.classes.names == ("cat",)
    assert not panoptic.labels(0, (4, 6)).any()


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (change(images=""), r"data\.val\.images is not set"),
        (change(masks=""), r"data\.val\.masks is not set"),
        (change(images="x"), r"data\.val\.images: no such file or folder: .*/x\. Set"),
        (change(masks="x"), r"data\.val\.masks: no such .*or data\.root=FOLDER"),
        (change(listing="x.txt"), r"data\.val\.listing: no such"),
    ],
)
def test_what_is_missing_is_named(split: MaskSplitConfig, message: str, root: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_masks(split, root, classes=CLASSES, name="val")


def test_masks_in_files_need_classes(root: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.classes is not set"):
        read_masks(SPLIT, root, classes=None, name="val")
