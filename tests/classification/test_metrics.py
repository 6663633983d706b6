"""Ranks equal sorting; batches, order, repeats and ranks of processes change nothing."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from classification.metrics import ClassificationMetric, ranks_of
from tests.classification.metric_ranks import NAMES, collect, score_as_rank
from tests.processes import on_ranks


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=6), st.data()
)
def test_ranks_equal_sorting(rows: list[list[int]], data: st.DataObject) -> None:
    labels = [data.draw(st.integers(0, 3)) for _ in rows]

    found = ranks_of(torch.tensor(rows, dtype=torch.float32), torch.tensor(labels))

    for row, label, rank in zip(rows, labels, found.tolist(), strict=True):
        order = [place for _, place in sorted((-score, place) for place, score in enumerate(row))]
        assert order.index(label) == rank


def test_the_best_class_has_rank_zero() -> None:
    scores = torch.rand(50, 6, generator=torch.Generator().manual_seed(0)).round(decimals=1)

    assert (ranks_of(scores, scores.argmax(1)) == 0).all()


def test_a_score_that_is_no_number_is_wrong() -> None:
    scores = torch.tensor([[float("nan")] * 3, [0.0, float("nan"), 1.0]])

    assert (ranks_of(scores, torch.tensor([0, 1])) > 0).all()


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_order_and_repeats_change_nothing(batch_size: int) -> None:
    expected = collect([*range(9)]).compute().to_dict()

    assert collect([*range(9)], batch_size=batch_size).compute().to_dict() == expected
    assert collect([*range(9), 3, 4][::-1], batch_size=batch_size).compute().to_dict() == expected


def test_after_a_reset_nothing_is_left() -> None:
    metric = collect([1, 2])
    metric.reset()

    assert metric.compute().summary["top1"] is None


def test_two_processes_score_as_one(tmp_path: Path) -> None:
    """Also when one has no image, or both have the same one."""
    shards = [[[0, 1, 2], [3, 4]], [[], [0, 1]], [[2, 1], [1, 5]]]
    on_ranks(score_as_rank, tmp_path, shards)

    expected = [
        collect(image_ids).compute().to_dict() for image_ids in ([0, 1, 2, 3, 4], [0, 1], [1, 2, 5])
    ]
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == expected
    assert ClassificationMetric(NAMES).compute().summary["top1"] is None
