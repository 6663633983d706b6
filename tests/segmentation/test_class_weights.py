"""Rare classes count more, by the medians of frequencies."""

import numpy as np
import pytest
import torch

from lumbar.data.pixel_classes import IGNORE
from segmentation.class_weights import median_frequency_weights
from segmentation.labels import TASKS


def test_weights_are_median_over_frequency() -> None:
    """A class is looked for only in the images that show it."""
    pixels = np.array([[60, 30, 10, 0], [90, 10, 0, 0]])
    labelled = np.full((2, 4), 100)

    weights = median_frequency_weights(pixels, labelled)

    frequencies = np.array([150 / 200, 40 / 200, 10 / 100])
    np.testing.assert_allclose(weights, [*np.median(frequencies) / frequencies, 0])


def test_equal_classes_count_the_same() -> None:
    weights = median_frequency_weights(np.full((3, 4), 25), np.full((3, 4), 100))

    assert weights.tolist() == [1.0] * 4


@pytest.mark.parametrize("task", TASKS)
def test_counts_of_labels_with_themselves_are_what_it_takes(task: str) -> None:
    """Pixels that nobody labelled are in no frequency."""
    labels = torch.zeros(1, 4, 10, dtype=torch.uint8)
    labels[:, 0, :4], labels[:, 3] = 1, IGNORE
    if task == "multilabel":
        labels = torch.stack([1 - labels, labels], dim=1).where(labels != IGNORE, IGNORE)
    areas = TASKS[task].count(labels, labels, 2).numpy()

    weights = median_frequency_weights(areas[..., 0], areas.sum(-1))

    np.testing.assert_allclose(weights, [15 / 26, 15 / 4])


def test_masks_without_a_class_are_refused() -> None:
    with pytest.raises(ValueError, match="no training mask shows any class"):
        median_frequency_weights(np.zeros((2, 3), dtype=np.int64), np.full((2, 3), 9))
