"""Pictures show the images with the boxes that are taught, and with those that are found in them."""

import numpy as np
import pytest
import torch

from detection.pictures import BoxDrawing
from lumbar.data.draw import Picture
from lumbar.ops.structures import Batch, Detections
from lumbar.training.run_folder import RunFolder
from tests.detection.parts import make_images, make_targets

DRAWING = BoxDrawing(("a", "b", "c"))


@pytest.fixture
def batch() -> Batch:
    return Batch(make_images(), make_targets(2, 0), torch.tensor([4, 5]))


def make_detections(*scores: float) -> Detections:
    """The same box in both images, with one score each."""
    box = torch.tensor([4.0, 5.0, 30.0, 40.0]).expand(2, 1, 4)
    return Detections(
        box, torch.tensor(scores)[:, None], torch.ones(2, 1, dtype=torch.int64), box[..., 0] > 0
    )


def changed(picture: Picture, plain: Picture) -> bool:
    assert picture.shape == plain.shape
    return not np.array_equal(picture, plain)


def test_truth_is_drawn_where_it_is(batch: Batch) -> None:
    empty = batch._replace(targets=make_targets(0, 0))

    assert changed(DRAWING.truth(batch, 0), DRAWING.truth(empty, 0))
    assert not changed(DRAWING.truth(batch, 1), DRAWING.truth(empty, 1))


def test_only_likely_detections_are_drawn(batch: Batch) -> None:
    plain = DRAWING.truth(batch._replace(targets=make_targets(0, 0)), 0)

    drawn = DRAWING.found(batch, make_detections(0.9, 0.9), 0)
    unlikely = DRAWING.found(batch, make_detections(0.4, 0.9), 0)

    assert changed(drawn, plain)
    assert not changed(unlikely, plain)


def test_a_comparison_shows_both(batch: Batch) -> None:
    detections = make_detections(0.9, 0.9)
    truth, found = DRAWING.truth(batch, 0), DRAWING.found(batch, detections, 0)

    both = DRAWING.comparison(batch, {"detections": detections}, 0)

    width = truth.shape[1]
    for part in (truth, found):
        places = range(both.shape[1] - width + 1)
        assert any(np.array_equal(both[-12 - len(part) : -12, x : x + width], part) for x in places)


def test_a_run_leaves_pictures(run_folder: RunFolder) -> None:
    names = {path.name for path in run_folder.pictures.iterdir()}

    assert names == {"train_batch.jpg", "val_predictions.jpg", "test_predictions.jpg"}
