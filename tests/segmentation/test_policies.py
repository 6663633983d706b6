"""The same five predictions score as the toolkits that were asked to score them say."""

import math

import numpy as np
import pytest
import torch

from lumbar.data.pixel_classes import IGNORE
from segmentation.counts import Overlap
from segmentation.labels import TASKS
from segmentation.metrics import SegmentationMetric
from tests.segmentation.five_cases import five_cases, score


def test_mmseg() -> None:
    scores = score("multiclass", *five_cases()).compute()

    assert scores.by("mmseg")["mDice"] == pytest.approx(0.978, abs=5e-4)
    assert scores.per_class["lesion"]["pooled/dice"] == pytest.approx(0.960, abs=5e-4)
    assert scores.by("mmseg")["aAcc"] == scores.summary["pooled/pixel_accuracy"]
    assert scores.by("mmseg")["mIoU"] == scores.summary["pooled/mean_iou"]
    assert scores.by("mmseg")["mRecall"] == scores.by("mmseg")["mAcc"]


def test_mmseg_leaves_a_class_that_is_never_hit_out_of_the_fscore() -> None:
    predicted, labels = five_cases()
    numbers = score("multiclass", predicted * 0, labels).compute().by("mmseg")

    assert numbers["mFscore"] == pytest.approx(2 * numbers["mDice"])
    assert numbers["mPrecision"] == numbers["aAcc"]


def test_smp_with_two_classes() -> None:
    numbers = score("multiclass", *five_cases()).compute().by("smp")

    assert numbers["f1_score/micro"] == pytest.approx(0.991, abs=5e-4)
    assert numbers["f1_score/macro"] == pytest.approx(0.978, abs=5e-4)
    assert numbers["f1_score/macro-imagewise"] == pytest.approx(0.750, abs=5e-4)


def test_smp_with_one_mask() -> None:
    """An image in which nothing is and nothing was found counts as perfect."""
    predicted, labels = (masks[:, None] for masks in five_cases())
    numbers = score("multilabel", predicted, labels).compute().by("smp")

    assert numbers["f1_score/micro"] == pytest.approx(0.960, abs=5e-4)
    assert numbers["f1_score/macro-imagewise"] == pytest.approx(0.508, abs=5e-4)
    assert numbers["f1_score/micro-imagewise"] == numbers["f1_score/macro-imagewise"]


def test_ours_beside_them() -> None:
    """The images that have a lesion, and the others counted apart."""
    of_lesion = score("multiclass", *five_cases()).compute().per_class["lesion"]

    assert of_lesion["case/dice"] == pytest.approx(0.514, abs=5e-4)
    assert [of_lesion[key] for key in ("present", "missed", "false_alarm", "empty_correct")] == [
        *(3, 1, 1, 1)
    ]


def test_means_that_others_take_follow_from_our_counts() -> None:
    """MONAI's by what it counts an empty mask as, nnU-Net's, and smp's for two classes."""
    overlap = Overlap.of(score("multiclass", *five_cases()).compute().counts.areas)
    dice = overlap.dice()
    of_present = np.where(overlap.true > 0, dice, np.nan)

    means = {
        "MONAI, background": np.nanmean(of_present[:, 0]),
        "MONAI": np.nanmean(np.nanmean(of_present, axis=1)),
        "MONAI with 1 for empty ones, smp": np.nan_to_num(dice, nan=1).mean(),
        "MONAI, lesions": np.nanmean(of_present[:, 1]),
        "MONAI, lesions with 1 for empty ones": np.nan_to_num(dice[:, 1], nan=1).mean(),
        "nnU-Net": np.nanmean(dice[:, 1]),
    }

    assert [*means.values()] == pytest.approx([0.993, 0.850, 0.750, 0.514, 0.508, 0.385], abs=6e-4)


def test_torchvision() -> None:
    predicted, labels = five_cases()
    scores = score("multiclass", predicted, labels).compute()

    assert scores.by("torchvision") == {
        "global correct": scores.summary["pooled/pixel_accuracy"],
        "mean IoU": pytest.approx(scores.summary["pooled/mean_iou"]),
    }


def test_torchvision_has_no_mean_when_a_class_is_nowhere() -> None:
    predicted, labels = five_cases()
    metric = SegmentationMetric(TASKS["multiclass"], class_names="abc")
    metric.update(predicted, labels, torch.arange(5))
    scores = metric.compute()

    assert scores.by("torchvision")["mean IoU"] is None
    assert scores.by("mmseg")["mIoU"] == scores.summary["pooled/mean_iou"]
    assert scores.by("smp")["iou_score/macro"] == pytest.approx(
        (2 * (scores.summary["pooled/mean_iou"] or math.nan) + 1) / 3
    )


@pytest.mark.parametrize("policy", ["mmseg", "torchvision", "smp"])
def test_without_a_label_there_are_no_numbers_or_perfect_ones(policy: str) -> None:
    predicted, labels = five_cases()
    numbers = score("multiclass", predicted, torch.full_like(labels, IGNORE)).compute().by(policy)

    assert {*numbers.values()} == {1.0 if policy == "smp" else None}
