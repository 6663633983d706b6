"""Splits are found, recognised and limited; what is missing is said with the way to get it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from lumbar.data.config import SplitConfig
from lumbar.data.read import read_split


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The same image with the same box in three formats."""
    for folder in ("images", "yolo", "voc"):
        (tmp_path / folder).mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (50, 40)).save(tmp_path / "images" / name)
        corners = "<xmin>6</xmin><ymin>11</ymin><xmax>25</xmax><ymax>30</ymax>"
        (tmp_path / "voc" / name).with_suffix(".xml").write_text(
            f"<annotation><filename>{name}</filename>"
            f"<object><name>cell</name><bndbox>{corners}</bndbox></object></annotation>"
        )
        (tmp_path / "yolo" / name).with_suffix(".txt").write_text("0 0.3 0.5 0.4 0.5\n")
    (tmp_path / "yolo" / "classes.txt").write_text("cell\n")
    box = {"category_id": 5, "bbox": [5, 10, 20, 20]}
    document = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "annotations": [{"id": 1, "image_id": 1, **box}, {"id": 2, "image_id": 2, **box}],
        "categories": [{"id": 5, "name": "cell"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    return tmp_path


@pytest.mark.parametrize("annotations", ["coco.json", "voc", "yolo"])
def test_formats_are_recognised_and_say_the_same(annotations: str, root: Path) -> None:
    records = read_split(SplitConfig(images="images", annotations=annotations), root, name="val")

    assert records.categories.names == ("cell",)
    assert [record.path for record in records] == [
        root / "images" / name for name in ("a.png", "b.png")
    ]
    for record in records:
        assert record.size == (40, 50)
        assert record.boxes.round(9).tolist() == [[5, 10, 25, 30]]


def test_absolute_paths_need_no_root(root: Path) -> None:
    split = SplitConfig(images=str(root / "images"), annotations=str(root / "coco.json"))

    assert len(read_split(split, Path("elsewhere"), name="val")) == 2


def test_the_format_may_be_stated(root: Path) -> None:
    split = SplitConfig(images="images", annotations="coco.json", format="voc")

    with pytest.raises(ValueError, match="no folder of XML files"):
        read_split(split, root, name="val")


def test_the_limit_keeps_the_first_images(root: Path) -> None:
    split = SplitConfig(images="images", annotations="voc", limit=1)

    assert [record.image_id for record in read_split(split, root, name="val")] == [1]


def test_missing_annotations_are_said_with_the_keys_to_set(root: Path) -> None:
    with pytest.raises(ValueError, match=r"^data\.val\.annotations is not set"):
        read_split(SplitConfig(), root, name="val")
    with pytest.raises(
        ValueError,
        match=rf"^data\.val\.annotations: no such file or folder: {root}/x\.json\. "
        rf"Set data\.val\.annotations=PATH, or data\.root=FOLDER, which is now {root}$",
    ):
        read_split(SplitConfig(images="images", annotations="x.json"), root, name="val")


def test_missing_coco_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    split = SplitConfig(images="train2017", annotations="annotations/instances_train2017.json")

    with pytest.raises(
        ValueError, match=r"https://cocodataset\.org/#download.*datasets/coco/train2017"
    ):
        read_split(split, tmp_path / "datasets" / "coco", name="train")


def test_missing_images_are_said(root: Path) -> None:
    with pytest.raises(
        ValueError, match=rf"^data\.val\.images: no such file or folder: {root}/x\."
    ):
        read_split(SplitConfig(images="x", annotations="coco.json"), root, name="val")


def test_images_in_another_folder_are_found_out_at_once(root: Path) -> None:
    document = json.loads((root / "coco.json").read_text())
    for image in document["images"]:
        image.update(height=40, width=50)
    (root / "coco.json").write_text(json.dumps(document))

    with pytest.raises(
        ValueError, match=rf"^data\.val\.images: no such file or folder: {root}/voc/a\.png"
    ):
        read_split(SplitConfig(images="voc", annotations="coco.json"), root, name="val")


def test_an_unknown_format_is_said(root: Path) -> None:
    with pytest.raises(ValueError, match=r"images is neither a \.json file.*set data\.val\.format"):
        read_split(SplitConfig(images="images", annotations="images"), root, name="val")


def test_an_empty_split_is_refused(root: Path) -> None:
    (root / "coco.json").write_text('{"images": [], "annotations": [], "categories": []}')

    with pytest.raises(ValueError, match=r"coco\.json has 0 images and 0 classes"):
        read_split(SplitConfig(images="images", annotations="coco.json"), root, name="val")
