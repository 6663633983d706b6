"""Answers are joined by image, and confusion counts them."""

import numpy as np

from classification.counts import Answers, confusion, join, no_answers, ratio


def answers(*rows: tuple[int, int, int, int]) -> Answers:
    return Answers(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def test_the_first_answer_to_an_image_counts() -> None:
    joined = join([no_answers(), answers((7, 0, 1, 1), (3, 1, 1, 0)), answers((7, 0, 0, 0))])

    assert joined.image_ids.tolist() == [3, 7]
    assert joined.predicted.tolist() == [1, 1]


def test_confusion_has_true_classes_in_rows() -> None:
    table = confusion(answers((0, 0, 1, 1), (1, 0, 1, 2), (2, 2, 2, 0)), 3)

    assert table.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
    assert confusion(no_answers(), 2).sum() == 0


def test_nothing_divided_by_nothing_is_no_number() -> None:
    shares = ratio(np.array([0, 1, 2]), np.array([0, 2, 2]))

    assert np.isnan(shares[0])
    assert shares[1:].tolist() == [0.5, 1.0]
