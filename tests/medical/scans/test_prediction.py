"""A prediction is what the decision makes of the probabilities."""

from pathlib import Path

import numpy as np
import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.scans.decision import Decision, expected_dice, uncertainty
from medical.scans.pipeline import probabilities
from medical.scans.prediction import Predictor
from tests.medical.scans.made_up import lopsided, settings, volume

CLASSES = PixelClasses.parse({"background": 0, "organ": 2, "tumour": 7})


def test_labels_and_scores_are_of_the_calibrated_probabilities() -> None:
    decision = Decision(temperature=2.0, threshold=0.6, review_below=0.9)
    scan, preprocess = volume(2, 30, 40, 1), settings(flips=("horizontal",))

    found = Predictor(lopsided, preprocess, decision, CLASSES)(scan)

    calibrated = decision.calibrated(probabilities(scan, preprocess, lopsided))
    np.testing.assert_array_equal(found.probabilities, calibrated)
    np.testing.assert_array_equal(found.labels, decision.labels(calibrated))
    np.testing.assert_array_equal(found.uncertainty, uncertainty(calibrated))
    assert found.expected_dice == expected_dice(calibrated, found.labels)
    assert found.needs_review is (found.expected_dice < 0.9)


def test_without_a_limit_nobody_says_who_is_to_be_reviewed() -> None:
    found = Predictor(lopsided, settings(), Decision(), CLASSES)(volume(1, 20, 20, 1))

    assert found.needs_review is None


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_scans_are_read_in_the_plane_of_the_training(plane: str, shared_data: Path) -> None:
    file = shared_data / "hippocampus" / "images" / "hippocampus_003.nii.gz"

    scan = Predictor(lopsided, settings(plane=plane), Decision(), CLASSES).read([file])

    assert scan.shape[0] == scan.pixels.shape[0]
    stored = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    assert scan.layout.axes[0] == stored
