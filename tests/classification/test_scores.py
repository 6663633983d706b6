"""Scores equal brute force over the answers, and the tables show them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classification.counts import Answers, no_answers
from classification.scores import ClassificationScores

NAMES = tuple("abcdefg")
ROW = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))


def make_scores(
    rows: list[tuple[int, int, int]], names: tuple[str, ...] = NAMES
) -> ClassificationScores:
    columns = np.array([(n, *row) for n, row in enumerate(rows)], dtype=np.int64).reshape(-1, 4)
    return ClassificationScores(class_names=names, answers=Answers(*columns.T))


@given(st.lists(ROW, min_size=1, max_size=30))
def test_numbers_equal_brute_force(rows: list[tuple[int, int, int]]) -> None:
    scores = make_scores(rows)

    summary, per_class = scores.summary, scores.per_class

    assert summary["top1"] == sum(rank == 0 for *_, rank in rows) / len(rows)
    assert summary["top5"] == sum(rank < 5 for *_, rank in rows) / len(rows)
    for place, name in enumerate(NAMES):
        true = [row for row in rows if row[0] == place]
        right = sum(given == place for _, given, _ in true)
        answers = sum(given == place for _, given, _ in rows)
        numbers = per_class[name]
        assert (numbers["images"], numbers["right"], numbers["answers"]) == (
            len(true),
            right,
            answers,
        )
        assert numbers["recall"] == (right / len(true) if true else None)
        assert numbers["precision"] == (right / answers if answers else 0)
    recalls = [row["recall"] for row in per_class.values() if row["recall"] is not None]
    assert summary["mean_recall"] == pytest.approx(np.mean(recalls))
    assert scores.confusion.sum() == len(rows)
    assert sum(count for *_, count in scores.mistakes()) == sum(a != b for a, b, _ in rows)


def test_the_top_five_of_five_say_nothing() -> None:
    assert make_scores([(0, 0, 0)], NAMES[:5]).summary["top5"] is None
    assert make_scores([(0, 0, 0)], NAMES[:6]).summary["top5"] == 1.0


def test_nothing_is_scored_where_nothing_was_looked_at() -> None:
    empty = ClassificationScores(class_names=NAMES, answers=no_answers())

    assert {*empty.summary.values()} == {None}
    assert "0 images of 7 classes" in empty.table()


def test_mistakes_come_most_frequent_first() -> None:
    scores = make_scores([(0, 1, 1), (0, 1, 1), (2, 0, 3), (3, 3, 0)])

    assert scores.mistakes() == [("a", "b", 2), ("c", "a", 1)]


def test_the_file_holds_whole_numbers() -> None:
    results = make_scores([(0, 1, 1), (1, 1, 0), (2, 3, 6)]).to_dict()

    assert results["num_images"] == 3
    assert results["num_right"] == {"top1": 1, "top5": 2}
    assert results["confusion"][0][1] == 1
    assert results["class_names"] == [*NAMES]
    assert not any(isinstance(v, float) and math.isnan(v) for v in results["summary"].values())


def test_the_table_shows_confusion_or_the_worst_mistakes() -> None:
    few = make_scores([(0, 1, 1), (1, 1, 0)], NAMES[:3]).table()
    assert "images by their class (rows)" in few
    assert few.splitlines()[-3].split() == ["a", "0", "1", "0"]

    many = make_scores([(0, 1, 1)], tuple(f"class {n}" for n in range(20))).table()
    assert "class 0 taken for class 1: 1" in many
