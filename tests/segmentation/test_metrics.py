"""Metrics equal brute force to the integer, whatever the batches, the ranks, and what is under ignored pixels."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lumbar.data.pixel_classes import IGNORE
from segmentation.labels import TASKS
from segmentation.metrics import SegmentationMetric
from segmentation.rims import is_inner, rim_width
from tests.processes import on_ranks
from tests.segmentation.five_cases import NAMES, collect, make_pair
from tests.segmentation.metric_ranks import score_as_rank


def counted_by_hand(predicted: Tensor, labels: Tensor) -> list[list[int]]:
    """Four numbers for each class of one image (H, W) or (K, H, W), pixel by pixel."""
    counts = [[0, 0, 0, 0] for _ in NAMES]
    size = labels.shape[-2:]
    for place, count in enumerate(counts):
        answers, truths = (
            (values == place if values.ndim == 2 else values[place] == 1).flatten().tolist()
            for values in (predicted, labels)
        )
        known = (labels.expand(3, *size)[place] != IGNORE).flatten().tolist()
        for answer, truth, judged in zip(answers, truths, known, strict=True):
            if judged:
                count[(0 if answer else 2) if truth else (1 if answer else 3)] += 1
    return counts


@settings(max_examples=15)
@given(st.sampled_from([*TASKS]), st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_counts_equal_brute_force_to_the_integer(task: str, image_ids: list[int]) -> None:
    counts = collect(task, image_ids, batch_size=2).compute().counts

    assert counts.image_ids.tolist() == sorted({*image_ids})
    for place, image_id in enumerate(sorted({*image_ids})):
        predicted, labels = (batch[0] for batch in make_pair(task, image_id))
        by_hand = counted_by_hand(predicted, labels)
        assert counts.areas[place].tolist() == by_hand
        judged = labels != IGNORE
        assert counts.decisions[place] == judged.sum()
        assert counts.right[place] == (predicted[judged] == labels[judged]).sum()


@pytest.mark.parametrize("task", TASKS)
def test_rims_are_compared_as_masks(task: str) -> None:
    """As the paper compares two masks: the IoU of their rims."""
    predicted, labels = make_pair(task, 4)
    counts = collect(task, [4]).compute().counts
    width = rim_width((20, 24), 0.05)
    known = torch.where(labels == IGNORE, IGNORE, predicted)
    masks = [TASKS[task].masks(values, 3)[0] for values in (known, labels)]
    found, true = (mask & ~is_inner(mask, width) for mask in masks)

    hits, either = (found & true).sum((1, 2)), (found | true).sum((1, 2))

    assert counts.rims[0, :, 0].tolist() == hits.tolist()
    assert counts.rims[0, :, :3].sum(1).tolist() == either.tolist()
    assert (counts.rims[0].sum(1) == counts.areas[0].sum(1)).all()
    assert (counts.rims[0, :, :3].sum(1) < counts.areas[0, :, :3].sum(1)).any()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("batch_size", [2, 3, 4, 5])
def test_the_batch_size_changes_nothing(task: str, batch_size: int) -> None:
    expected = collect(task, [*range(9)]).compute()

    scores = collect(task, [*range(9)], batch_size=batch_size).compute()

    assert scores.to_dict() == expected.to_dict()


def test_order_and_repeats_change_nothing() -> None:
    expected = collect("multiclass", [0, 1, 2, 3]).compute().to_dict()

    assert (
        collect("multiclass", [3, 1, 0, 3, 2, 1, 3], batch_size=2).compute().to_dict() == expected
    )


@pytest.mark.parametrize("task", TASKS)
def test_what_is_under_ignored_pixels_changes_nothing(task: str) -> None:
    predicted, labels = make_pair(task, 5)
    tables = []
    for value in (0, 1, 2, IGNORE):
        metric = SegmentationMetric(TASKS[task], class_names=NAMES)
        metric.update(predicted.masked_fill(labels == IGNORE, value), labels, torch.tensor([5]))
        tables.append(metric.compute().to_dict())

    assert all(table == tables[0] for table in tables)
    assert tables[0]["summary"]["case/mean_dice"] < 1


@pytest.mark.parametrize("task", TASKS)
def test_perfect_predictions_score_one(task: str) -> None:
    _, labels = make_pair(task, 1)
    metric = SegmentationMetric(TASKS[task], class_names=NAMES)
    metric.update(labels, labels, torch.tensor([1]))

    assert {*metric.compute().summary.values()} == {1.0}


def test_a_prediction_of_no_class_is_a_miss_and_no_alarm() -> None:
    _, labels = make_pair("multiclass", 1)
    metric = SegmentationMetric(TASKS["multiclass"], class_names=NAMES)
    metric.update(torch.full_like(labels, IGNORE), labels, torch.tensor([1]))
    scores = metric.compute()

    assert scores.counts.areas[..., :2].sum() == 0
    assert scores.summary["pooled/pixel_accuracy"] == 0
    assert scores.per_class["vessel"]["missed"] == 1


def test_a_class_that_nobody_labelled_is_not_empty() -> None:
    """One label of an image may be unknown while another is known."""
    predicted, labels = make_pair("multilabel", 1)
    labels[:, 1] = IGNORE
    metric = SegmentationMetric(TASKS["multilabel"], class_names=NAMES)
    metric.update(predicted, labels, torch.tensor([1]))

    assert not any(metric.compute().per_class["lesion"].values())


def test_after_a_reset_nothing_is_left() -> None:
    metric = collect("multiclass", [1, 2])
    metric.reset()
    assert {*metric.compute().summary.values()} == {None}
    assert np.array_equal(metric.compute().counts.image_ids, [])

    metric.update(*make_pair("multiclass", 3), torch.tensor([3]))

    assert metric.compute().counts.image_ids.tolist() == [3]


@pytest.mark.parametrize("left_out", [["sky"], [*NAMES]])
def test_means_leave_out_some_of_the_classes(left_out: list[str]) -> None:
    with pytest.raises(ValueError, match=f"cannot leave out {', '.join(left_out)} of the classes"):
        SegmentationMetric(TASKS["multiclass"], class_names=NAMES, left_out=left_out)


def test_toolkits_of_one_class_do_not_score_several() -> None:
    SegmentationMetric(TASKS["multilabel"], class_names=NAMES, policies=["smp"])

    with pytest.raises(ValueError, match="mmseg would not score pixels with several classes"):
        SegmentationMetric(TASKS["multilabel"], class_names=NAMES, policies=["smp", "mmseg"])


def test_two_processes_score_as_one(tmp_path: Path) -> None:
    """Also when one has no image, or both have the same one."""
    shards = [[[0, 1, 2], [3, 4]], [[], [0, 1, 2]], [[2, 1], [1, 5]]]
    on_ranks(score_as_rank, tmp_path, shards)

    expected = []
    for image_ids in ([0, 1, 2, 3, 4], [0, 1, 2], [1, 2, 5]):
        for task in ("multiclass", "multilabel"):
            scores = collect(task, image_ids).compute()
            expected.append([scores.to_dict(), scores.by("smp"), scores.table()])
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == expected
