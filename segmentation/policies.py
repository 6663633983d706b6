"""The numbers that other toolkits would print for the same predictions, by their names; they print percentages."""

from collections.abc import Callable, Mapping

import numpy as np

from segmentation.counts import Counts, Floats, Overlap, mean_where, ratio


def mmseg(counts: Counts) -> dict[str, float]:
    """MMSegmentation's IoUMetric: pixels of all images together, means over the classes that are not NaN.

    The F-score of a class that is never hit is NaN, and so is left out; its Dice is 0.
    """
    pooled = Overlap.of(counts.areas).sum(0)
    fscore = np.where(pooled.true_positives > 0, pooled.dice(), np.nan)
    by_class = {
        "mIoU": pooled.iou(),
        "mAcc": pooled.recall(),
        "mDice": pooled.dice(),
        "mFscore": fscore,
        "mPrecision": pooled.precision(),
        "mRecall": pooled.recall(),
    }
    return {"aAcc": _accuracy(counts)} | {name: _mean(values) for name, values in by_class.items()}


def torchvision(counts: Counts) -> dict[str, float]:
    """The ConfusionMatrix of torchvision's references: a class that is nowhere makes the mean IoU NaN."""
    ious = Overlap.of(counts.areas).sum(0).iou()
    return {"global correct": _accuracy(counts), "mean IoU": float(ious.mean())}


def smp(counts: Counts) -> dict[str, float]:
    """The reductions of segmentation_models_pytorch without class weights: nothing to find and nothing found is 1."""
    images = Overlap.of(counts.areas)
    reductions = {
        "micro": images.sum(),
        "macro": images.sum(0),
        "micro-imagewise": images.sum(1),
        "macro-imagewise": images,
    }
    scores: dict[str, float] = {}
    for reduction, overlap in reductions.items():
        for name, values in (("iou_score", overlap.iou()), ("f1_score", overlap.dice())):
            scores[f"{name}/{reduction}"] = float(np.nan_to_num(values, nan=1.0).mean())
    return scores


POLICIES: Mapping[str, Callable[[Counts], dict[str, float]]] = {
    "mmseg": mmseg,
    "torchvision": torchvision,
    "smp": smp,
}
"""By the names that they have in a config."""

OF_ONE_CLASS = ("mmseg", "torchvision")
"""Those that know nothing of pixels with several classes."""


def _accuracy(counts: Counts) -> float:
    return float(ratio(counts.right.sum(), counts.decisions.sum()))


def _mean(values: Floats) -> float:
    return float(mean_where(values, ~np.isnan(values)))
