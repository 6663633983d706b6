"""Before training all images and masks are looked at: mistakes are told at once, and pixels are counted."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lumbar.data.mask_folders import Naming, read_class_folders, read_mask_files
from lumbar.data.pixel_classes import PixelClasses
from lumbar.data.transforms import Chain
from segmentation import survey as survey_file
from segmentation.dataset import SegmentationDataset
from segmentation.survey import survey
from tests.data.mask_files import write_image, write_mask, write_pairs

CLASSES = PixelClasses.parse({"background": 0, "cell": 1, "dust": 2}, [9])
SIZE = (6, 8)
Make = Callable[[], SegmentationDataset]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the data set of twelve images; the files are written once."""
    values = np.random.default_rng(0).choice([0, 1, 9], (12, *SIZE)).astype(np.uint8)
    values[3:] = 0
    write_pairs(tmp_path, *values)

    def read() -> SegmentationDataset:
        folders = tmp_path / "images", tmp_path / "masks"
        records = read_mask_files(*folders, naming=Naming(), classes=CLASSES, name="train")
        return SegmentationDataset(records, Chain(()), 0, frame="file")

    return read


@pytest.mark.parametrize("workers", [0, 2])
def test_pixels_are_counted_by_class_and_by_image(workers: int, make: Make) -> None:
    dataset = make()

    pixels, labelled = survey(dataset, workers=workers, name="train")

    masks = np.stack([dataset.records.labels(index, SIZE) for index in range(12)])
    assert pixels.tolist() == [(masks == label).sum() for label in range(3)]
    with_cells = (masks == 1).any((1, 2))
    assert labelled.tolist() == [(masks < 3).sum(), (masks[with_cells] < 3).sum(), 0]


def test_several_classes_of_a_pixel_are_counted_apart(tmp_path: Path) -> None:
    write_image(tmp_path / "images/0.png", SIZE)
    write_image(tmp_path / "images/1.png", SIZE)
    values = np.zeros(SIZE, dtype=np.uint8)
    values[0], values[1] = 1, 9
    write_mask(tmp_path / "masks/a/0.png", values)
    write_mask(tmp_path / "masks/b/1.png", np.ones(SIZE, dtype=np.uint8))
    classes = PixelClasses.parse({"a": 1, "b": "any"}, [9])
    folders = tmp_path / "images", tmp_path / "masks"
    records = read_class_folders(*folders, naming=Naming(), classes=classes, name="train")

    counts = survey(
        SegmentationDataset(records, Chain(()), 0, frame="file"), workers=0, name="train"
    )

    assert counts.pixels.tolist() == [8, 48]
    assert counts.labelled.tolist() == [40, 48]


@pytest.mark.parametrize("workers", [0, 2])
def test_all_mistakes_are_told_at_once(workers: int, make: Make, tmp_path: Path) -> None:
    dataset = make()
    for number in range(11):
        write_mask(tmp_path / f"masks/{number}.png", np.full(SIZE, 77, dtype=np.uint8))
    image = tmp_path / "images/11.png"
    image.write_bytes(image.read_bytes()[:-40])

    with pytest.raises(ValueError, match=r"data\.val: .*cannot be used \(12 in all\)") as error:
        survey(dataset, workers=workers, name="val")

    message = str(error.value)
    assert message.count("77 (48 pixels)") == 9
    assert "images/11.png: cannot be read" in message
    assert "... and 2 more" in message


def test_what_was_found_is_kept_until_a_file_changes(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMBAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(survey_file, "_MANY", 3)
    first = survey(make(), workers=0, name="train")
    [kept] = (tmp_path / "cache").glob("*.pixels")
    kept.write_text("[[1, 2, 3], [4, 5, 6]]")

    again = survey(make(), workers=0, name="train")
    time.sleep(0.01)
    write_mask(tmp_path / "masks/5.png", np.full(SIZE, 2, dtype=np.uint8))
    anew = survey(make(), workers=0, name="train")

    assert again.pixels.tolist() == [1, 2, 3]
    assert again.labelled.tolist() == [4, 5, 6]
    assert (anew.pixels - first.pixels).tolist() == [-48, 0, 48]


def test_mistakes_are_not_kept(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMBAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(survey_file, "_MANY", 3)
    dataset = make()
    write_mask(tmp_path / "masks/5.png", np.full(SIZE, 77, dtype=np.uint8))

    for _ in range(2):
        with pytest.raises(ValueError, match=r"5\.png"):
            survey(dataset, workers=0, name="train")


def test_without_a_cache_every_run_looks(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LUMBAR_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(survey_file, "_MANY", 3)

    assert survey(make(), workers=0, name="train").pixels.sum() > 0
    assert "LUMBAR_CACHE" in caplog.text
