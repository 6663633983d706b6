"""Pictures show images under their classes."""

import numpy as np
import torch

from classification.batch import LabelBatch, LabelTargets
from classification.pictures import LabelDrawing
from tests.classification.made_up import make_images
from tests.classification.runs import NAMES

BATCH = LabelBatch(
    make_images(2, edge=32),
    LabelTargets(torch.tensor([0, 2]), torch.tensor([1, 2])),
    torch.tensor([4, 5]),
)
FOUND = {"scores": torch.tensor([[0.9, 0.1, 0.0], [0.7, 0.2, 0.1]]), "labels": torch.tensor([0, 0])}


def test_truth_and_answers_have_captions_of_their_own() -> None:
    drawing = LabelDrawing(NAMES)

    truth = drawing.truth(BATCH, 1)
    right, wrong = (drawing.comparison(BATCH, FOUND, index) for index in (0, 1))

    for picture in (truth, right, wrong):
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        assert min(picture.shape[:2]) >= 64
    assert not np.array_equal(truth, wrong)
    assert np.array_equal(drawing.explained(truth), truth)
