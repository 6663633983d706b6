"""The settings of a split lead to its reader; mistakes name the setting."""

from pathlib import Path

import pytest

from classification.data_config import BoxCropConfig, ImageSplitConfig
from classification.labelled import LabelledImages
from classification.read import read_images
from tests.classification.made_up import write_cifar_python


def read(root: Path, **settings: object) -> LabelledImages:
    split = ImageSplitConfig.model_validate(settings)
    return read_images(split, root, boxes=BoxCropConfig(), name="val")


def test_the_format_follows_from_what_is_there(tmp_path: Path, examples: Path) -> None:
    write_cifar_python(tmp_path / "cifar")
    (tmp_path / "folders" / "a").mkdir(parents=True)
    (tmp_path / "folders" / "a" / "1.png").write_bytes(b"is not opened")

    boxes = read(examples / "bccd", images="images", annotations="annotations/val.json")
    assert boxes.class_names[0] == "RBC"
    assert read(tmp_path, images="folders").class_names == ("a",)
    assert len(read(tmp_path, images="cifar/data_batch_*")) == 10
    validation = read(tmp_path, images="cifar/data_batch_*", skip=6, limit=3)
    assert validation.places.tolist() == [6, 7, 8]


def test_mistakes_name_the_setting(tmp_path: Path) -> None:
    write_cifar_python(tmp_path)
    for settings, message in (
        ({}, r"data\.val\.images is not set: set it to a folder"),
        ({"images": "gone"}, r"data\.val\.images: no such file of CIFAR"),
        ({"images": "data_batch_*", "skip": 10}, r"none of 10 images is left; set data\.val\.skip"),
        (
            {"images": "data_batch_*", "format": "cifar", "annotations": "x"},
            r"data\.val\.annotations has no effect on the format cifar",
        ),
        ({"images": ".", "annotations": "gone.json"}, r"data\.val\.annotations: no such file"),
    ):
        with pytest.raises(ValueError, match=message):
            read(tmp_path, **settings)
