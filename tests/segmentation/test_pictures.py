"""Pictures show images under the colours of their classes, and a legend says which is which."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lumbar.data.draw import Picture, enlarged
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.ops.structures import MaskBatch
from lumbar.tasks.pictures import without_padding
from lumbar.training.run_folder import RunFolder
from segmentation.labels import TASKS
from segmentation.pictures import MaskDrawing
from tests.segmentation.small_fcn import SIZES, make_images

CLASSES = PixelClasses.parse({"background": 0, "cat": 1, "dog": 2})
FACTOR = 8


def drawing(task: str = "multiclass") -> MaskDrawing:
    return MaskDrawing(CLASSES, TASKS[task])


@pytest.fixture
def batch() -> MaskBatch:
    """Two images on a canvas: a dog in the corner of the first, background in the second."""
    labels = torch.full((2, *SIZES[0]), IGNORE, dtype=torch.uint8)
    for row, (height, width) in zip(labels, SIZES, strict=True):
        row[:height, :width] = 0
    labels[0, :20, :30] = 2
    return MaskBatch(make_images(), labels, torch.zeros(2).long(), torch.tensor([4, 5]))


def changed(picture: Picture, plain: Picture) -> NDArray[np.bool_]:
    """The pixels that differ, clearly."""
    assert picture.shape == plain.shape
    difference: NDArray[np.int64] = np.abs(picture.astype(int) - plain).max(2)
    return difference > 8


def plain(batch: MaskBatch, index: int) -> Picture:
    return enlarged(without_padding(batch.images, index))


def test_classes_are_painted_where_they_are(batch: MaskBatch) -> None:
    picture = drawing().truth(batch, 0)

    painted = changed(picture, plain(batch, 0))
    scale = picture.shape[0] // SIZES[0][0]
    assert painted[: 19 * scale, : 29 * scale].mean() > 0.7
    assert not painted[22 * scale :].any()
    assert not painted[:, 32 * scale :].any()


def test_the_background_and_the_padding_leave_images_as_they_are(batch: MaskBatch) -> None:
    picture = drawing().truth(batch, 1)

    assert picture.shape[0] / picture.shape[1] == SIZES[1][0] / SIZES[1][1]
    assert not changed(picture, plain(batch, 1)).any()


def test_pixels_of_several_classes_are_painted(batch: MaskBatch) -> None:
    several = TASKS["multiclass"].masks(batch.labels, 3).to(torch.uint8)
    several[:, 0] = 0

    one = drawing().truth(batch, 0)
    many = drawing("multilabel").truth(batch._replace(labels=several), 0)

    inside = (slice(4 * FACTOR, 16 * FACTOR), slice(4, 8))
    assert not changed(one, many)[inside].any()


def test_a_comparison_has_image_truth_and_prediction_in_this_order(batch: MaskBatch) -> None:
    found = torch.zeros(2, 3, *SIZES[0])
    found[:, 1] = 1
    outputs = {"probabilities": found, "labels": batch.labels}

    sheet = drawing().comparison(batch, outputs, 0)

    all_cats = batch._replace(labels=torch.ones_like(batch.labels))
    parts = (plain(batch, 0), drawing().truth(batch, 0), drawing().truth(all_cats, 0))
    height, width = parts[0].shape[:2]
    shown = sheet[-12 - height : -12]
    for number, part in enumerate(parts):
        left = 12 + number * (width + 12)
        assert np.array_equal(shown[:, left : left + width], part)


def test_a_legend_stands_under_the_sheet() -> None:
    sheet = np.full((200, 600, 3), 7, dtype=np.uint8)

    explained = drawing().explained(sheet)

    assert np.array_equal(explained[:200], sheet)
    legend = {tuple(colour) for colour in explained[200:].reshape(-1, 3).tolist()}
    assert {*CLASSES.colours[1:]} <= legend


def test_a_run_leaves_pictures(run_folder: RunFolder) -> None:
    names = {path.name for path in run_folder.pictures.iterdir()}

    assert names == {"train_batch.jpg", "val_predictions.jpg", "test_predictions.jpg"}
