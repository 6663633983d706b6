"""Predicted masks are read back as labels by the reader of training masks, and can be seen."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.mask_folders import Naming, read_class_folders
from lumbar.data.mask_io import read_labels
from lumbar.data.pixel_classes import PixelClasses
from segmentation.mask_files import alone, class_folder, palette_of, values_of, write_masks

KINDS = {
    "numbers": PixelClasses.parse({"background": 0, "cell": 200, "wall": 90}, void=[255]),
    "several": PixelClasses.parse({"sky": [[3], [4]], "road": 0, "car": 7}),
    "any": PixelClasses.parse({"background": 0, "cell": "any"}),
    "colours": PixelClasses.parse({"sky": [128, 128, 128], "road": [128, 64, 128]}),
    "large": PixelClasses.parse({"background": 0, "cell": 4000}),
}
in_all_kinds = pytest.mark.parametrize("classes", KINDS.values(), ids=KINDS)


def random_labels(classes: PixelClasses) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(len(classes), size=(30, 40)).astype(np.uint8)


@in_all_kinds
def test_masks_are_read_back_as_training_reads_them(classes: PixelClasses, tmp_path: Path) -> None:
    labels = random_labels(classes)

    (path,) = write_masks(tmp_path / "masks", "a", labels, classes)

    assert path == tmp_path / "masks" / "a.png"
    np.testing.assert_array_equal(read_labels(path, classes), labels)


@in_all_kinds
def test_masks_show_the_colours_of_the_classes(classes: PixelClasses, tmp_path: Path) -> None:
    labels = random_labels(classes)
    (path,) = write_masks(tmp_path, "a", labels, classes)

    with Image.open(path) as image:
        if max(classes.ids) > 255:
            assert palette_of(classes) is None
            np.testing.assert_array_equal(np.asarray(image), values_of(labels, classes))
        else:
            shown = np.asarray(image.convert("RGB"))
            np.testing.assert_array_equal(shown, np.array(classes.colours)[labels])


@pytest.mark.parametrize(
    "classes",
    [
        PixelClasses.parse({"tumour": 255, "vessel": 1, "bone": 3}),
        PixelClasses.parse({"tumour": "any", "vessel": 0, "bone": 7}),
    ],
)
def test_classes_that_overlap_have_a_folder_each(classes: PixelClasses, tmp_path: Path) -> None:
    masks = np.random.default_rng(0).integers(2, size=(3, 20, 30)).astype(np.uint8)

    paths = write_masks(tmp_path, "a", masks, classes)

    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "tumour/a.png",
        "vessel/a.png",
        "bone/a.png",
    ]
    for label, (path, mask) in enumerate(zip(paths, masks, strict=True)):
        np.testing.assert_array_equal(read_labels(path, alone(classes, label)), mask)
        with Image.open(path) as image:
            shown = np.asarray(image.convert("RGB"))[mask == 1]
            assert (shown == classes.colours[label]).all()


def test_they_are_the_class_folders_that_training_reads(tmp_path: Path) -> None:
    classes = PixelClasses.parse({"tumour": 255, "vessel": 1})
    masks = np.random.default_rng(0).integers(2, size=(2, 20, 30)).astype(np.uint8)
    write_masks(tmp_path / "masks", "a", masks, classes)
    (tmp_path / "images").mkdir()
    Image.new("RGB", (30, 20)).save(tmp_path / "images" / "a.png")

    records = read_class_folders(
        tmp_path / "images", tmp_path / "masks", naming=Naming(), classes=classes, name="train"
    )

    np.testing.assert_array_equal(records.labels(0, (20, 30)), masks)


@pytest.mark.parametrize("name", ["../up", "/etc", "a/b", "..", "c:\\d", "cell"])
def test_no_name_of_a_class_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    folder = class_folder(tmp_path, name)

    assert folder.parent == tmp_path
    assert folder.resolve().parent == tmp_path.resolve()
