"""Predictions of files are masks that can be scored, areas that add up, and drawings of every file."""

import csv
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.image_io import read_image
from lumbar.data.mask_io import read_labels
from segmentation.mask_files import alone
from segmentation.predict import predict_files
from segmentation.segmenter import Segmenter
from segmentation.weights import load_segmenter, save_segmenter
from tests.segmentation.pointwise import noise
from tests.segmentation.tiny_segmenter import CLASSES, save_tiny

SIZES = {"b.png": (40, 60), "a.png": (64, 50), "sub/a.png": (33, 47)}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three noisy images, two of one name."""
    for name, size in SIZES.items():
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(*size)).save(path)
    return tmp_path / "images"


def pixels(height: int, width: int) -> NDArray[np.uint8]:
    return noise(1, height, width).canvas[0].permute(1, 2, 0).numpy()


def files_in(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


def test_every_file_gets_a_mask_and_a_drawing(folder: Path, tmp_path: Path, weights: Path) -> None:
    predict_files(str(weights), [str(folder)], output=tmp_path / "out")

    names = ("a", "b", "a-2")
    assert files_in(tmp_path / "out") == {
        *(f"masks/{name}.png" for name in names),
        *(f"drawn/{name}.jpg" for name in names),
        "areas.csv",
        "areas.json",
    }


def test_masks_have_the_values_of_the_training_masks(
    folder: Path, tmp_path: Path, weights: Path
) -> None:
    predict_files(str(weights), [str(folder)], output=tmp_path / "out")

    segmenter = Segmenter.load(weights)
    for name, file in (("a", "a.png"), ("b", "b.png"), ("a-2", "sub/a.png")):
        labels = read_labels(tmp_path / "out" / "masks" / f"{name}.png", CLASSES)
        assert labels.shape == SIZES[file]
        np.testing.assert_array_equal(labels, segmenter.predict([folder / file])[0].labels)


def test_areas_are_those_of_the_masks(folder: Path, tmp_path: Path, weights: Path) -> None:
    predict_files(str(weights), [str(folder / "a.png")], output=tmp_path / "out")

    labels = read_labels(tmp_path / "out" / "masks" / "a.png", CLASSES)
    (image,) = json.loads((tmp_path / "out" / "areas.json").read_text())
    assert (image["file_name"], image["height"], image["width"]) == (str(folder / "a.png"), 64, 50)
    for label, name in enumerate(CLASSES.names):
        count = int((labels == label).sum())
        assert image["classes"][name] == {"pixels": count, "share": count / labels.size}
    with (tmp_path / "out" / "areas.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [*CLASSES.names]
    assert sum(int(row["pixels"]) for row in rows) == labels.size
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1)


def test_drawings_show_the_image_under_its_classes_and_a_legend(
    folder: Path, tmp_path: Path, weights: Path
) -> None:
    predict_files(str(weights), [str(folder / "a.png")], output=tmp_path / "out")

    drawn = read_image(tmp_path / "out" / "drawn" / "a.jpg")
    factor = round(480 / 50)
    assert drawn.shape[1] == 50 * min(factor, 8)
    legend = drawn[64 * min(factor, 8) :]
    assert len(legend) > 12
    assert legend.max() == 255


def test_an_image_without_any_class_is_drawn_with_what_was_sought(tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "several.safetensors", task="multilabel")
    weights = load_segmenter(str(source))
    state = {**weights.state, "classifier.conv_seg.bias": torch.full((3,), -1000.0)}
    save_segmenter(source, weights._replace(state=state))
    Image.fromarray(pixels(480, 500)).save(tmp_path / "a.png")

    predict_files(str(source), [str(tmp_path / "a.png")], output=tmp_path / "out")

    (image,) = json.loads((tmp_path / "out" / "areas.json").read_text())
    assert {area["pixels"] for area in image["classes"].values()} == {0}
    assert read_image(tmp_path / "out" / "drawn" / "a.jpg").shape[0] > 480


def test_classes_that_overlap_have_a_folder_each(folder: Path, tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "several.safetensors", task="multilabel")

    predict_files(str(source), [str(folder / "b.png")], output=tmp_path / "out")

    labels = Segmenter.load(source).predict([folder / "b.png"])[0].labels
    for label, name in enumerate(CLASSES.names):
        path = tmp_path / "out" / "masks" / name / "b.png"
        np.testing.assert_array_equal(read_labels(path, alone(CLASSES, label)), labels[label])


def test_large_tiffs_are_read_by_windows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    changes: dict[str, Any] = {
        "data": {"max_image_megapixels": 0.005},
        "inference": {"mode": "slide", "window": (64, 64)},
    }
    source = save_tiny(tmp_path / "tiny.safetensors", **changes)
    small, large = pixels(60, 70), pixels(150, 170)
    for name, image in (("small.tif", small), ("large.tif", large)):
        tifffile.imwrite(tmp_path / name, image, photometric="rgb", tile=(32, 32))

    with caplog.at_level(logging.INFO):
        predict_files(str(source), [f"{tmp_path}/*.tif"], output=tmp_path / "out")

    assert "large.tif: 170 x 150 pixels" in caplog.text
    assert "small.tif: " not in caplog.text
    assert files_in(tmp_path / "out" / "masks") == {"large.tif", "small.png"}
    labels = Segmenter.load(source).predict([large])[0].labels
    mask = read_labels(tmp_path / "out" / "masks" / "large.tif", CLASSES)
    np.testing.assert_array_equal(mask, labels)
    areas = {
        image["width"]: image["classes"]
        for image in json.loads((tmp_path / "out" / "areas.json").read_text())
    }
    assert areas[170]["cell"]["pixels"] == (labels == 1).sum()
    assert read_image(tmp_path / "out" / "drawn" / "large.jpg").shape[1] == 170 * 3


def test_other_large_files_are_refused(tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "tiny.safetensors", data={"max_image_megapixels": 0.001})
    Image.fromarray(pixels(60, 70)).save(tmp_path / "a.png")

    with pytest.raises(ValueError, match=r"a\.png.*limit of 0\.001 megapixels"):
        predict_files(str(source), [str(tmp_path / "a.png")], output=tmp_path / "out")


def test_what_was_written_before_is_not_read_again(
    folder: Path, tmp_path: Path, weights: Path
) -> None:
    for _ in range(2):
        predict_files(str(weights), [str(folder)], output=folder)

    assert len(files_in(folder / "masks")) == len(files_in(folder / "drawn")) == 3


def test_the_images_are_left_as_they_were(folder: Path, weights: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in SIZES}

    predict_files(str(weights), [str(folder)], output=folder)

    assert before == {name: (folder / name).read_bytes() for name in SIZES}


def test_no_images_are_an_error(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(ValueError, match="no image there"):
        predict_files(str(weights), [str(tmp_path / "gone")], output=tmp_path / "out")

    assert not (tmp_path / "out").exists()
