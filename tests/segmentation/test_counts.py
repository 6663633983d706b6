"""Ratios of counts, and rows of images that come from anywhere."""

import numpy as np
import pytest

from segmentation.counts import Counts, Overlap, join, mean_where, nothing_counted, ratio


def rows(*image_ids: int) -> Counts:
    """Rows that hold their image's id everywhere."""
    ids = np.array(image_ids, dtype=np.int64)
    areas = np.broadcast_to(ids[:, None, None], (len(ids), 2, 4))
    return Counts(ids, ids, ids, areas, areas)


def test_scores_of_masks() -> None:
    overlap = Overlap.of(np.array([[6, 2, 4, 8], [0, 0, 0, 20], [0, 3, 0, 17]]))

    assert overlap.true.tolist() == [10, 0, 0]
    assert overlap.predicted.tolist() == [8, 0, 3]
    np.testing.assert_equal(overlap.iou(), [0.5, np.nan, 0])
    np.testing.assert_equal(overlap.dice(), [12 / 18, np.nan, 0])
    np.testing.assert_equal(overlap.recall(), [0.6, np.nan, np.nan])
    np.testing.assert_equal(overlap.precision(), [0.75, np.nan, 0])


def test_sums_lay_masks_together() -> None:
    overlap = Overlap.of(np.arange(24).reshape(2, 3, 4))

    assert overlap.sum(0).true_positives.tolist() == [0 + 12, 4 + 16, 8 + 20]
    assert overlap.sum(1).true_negatives.tolist() == [3 + 7 + 11, 15 + 19 + 23]
    assert overlap.sum().false_positives == 1 + 5 + 9 + 13 + 17 + 21


def test_rows_are_joined_by_image_id_and_each_image_counts_once() -> None:
    joined = join([nothing_counted(2), rows(7, 3, 7), nothing_counted(2), rows(3, 1)])

    assert all(np.array_equal(*pair) for pair in zip(joined, rows(1, 3, 7), strict=True))


def test_nothing_is_joined_to_nothing() -> None:
    assert join([nothing_counted(5)]).areas.shape == (0, 5, 4)


def test_a_share_of_nothing_is_not_a_number() -> None:
    np.testing.assert_equal(ratio(np.array([1, 0]), np.array([2, 0])), [0.5, np.nan])
    assert np.isnan(ratio(np.int64(0), np.int64(0)))


@pytest.mark.parametrize(
    ("kept", "mean"), [([True, False, True], 2.0), ([False, False, False], np.nan)]
)
def test_means_are_over_what_is_kept(kept: list[bool], mean: float) -> None:
    np.testing.assert_equal(mean_where(np.array([1.0, np.nan, 3.0]), np.array(kept)), mean)
