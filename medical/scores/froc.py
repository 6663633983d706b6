"""Lesions found against false alarms for each image, at every score: the free-response ROC curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medical.scores.bootstrap import RESAMPLES, Estimate, draw_patients, interval

Floats = NDArray[np.float64]

RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""False alarms for each image at which sensitivities are averaged, as in LUNA16 (Setio et al. 2017)."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What was found and what is there in one image, of one class."""

    found: Floats
    """(n, 4) xyxy in pixels, or (n, 2) points x, y."""
    scores: Floats
    """(n,) the higher, the surer."""
    lesions: Floats
    """(m, 4) xyxy in pixels."""
    patient: int | str
    """Whose image it is."""


@dataclass(frozen=True, eq=False)
class Froc:
    """The curve, from the highest score down."""

    thresholds: Floats
    """(T,) scores, descending, from each of which on one more lesion is found, or one more false alarm raised."""
    false_per_image: Floats
    """(T,) false alarms, mean over images."""
    sensitivity: Floats
    """(T,) share of the lesions that are found; NaN where there is no lesion."""
    at: Mapping[float, Estimate]
    """For each of `RATES` the highest sensitivity with at most so many false alarms, with its 95 % interval."""
    mean: Estimate
    """The mean of these."""
    images: int
    """Their number."""
    lesions: int
    """In all of them."""

    def to_dict(self) -> dict[str, Any]:
        """Returns all but the curve ready for JSON: an estimate is [value, low, high], null for NaN."""
        at = {f"{rate:g}": _plain(estimate) for rate, estimate in self.at.items()}
        return {
            "mean": _plain(self.mean),
            "at": at,
            "images": self.images,
            "lesions": self.lesions,
        }


def froc(
    images: Sequence[Detections],
    *,
    overlap: float = 0.1,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Froc:
    """Draws the curve of a set of images.

    A box finds a lesion where their IoU is more than `overlap`, a point where it lies in the lesion's box. A lesion is
    found at the score of the surest one that finds it; a second one is no false alarm. Whatever finds no lesion is
    one. Nothing is interpolated: what the curve says can be had by setting a threshold.

    Args:
        images: All of them, those without lesions too.
        overlap: IoU from which on a box finds a lesion.
        resamples: Number of draws of patients for the intervals.
        seed: Of the draws.

    Returns:
        The curve with its mean sensitivity.

    Raises:
        ValueError: There is no image, a score is no number, boxes are of another form, or have no score each.
    """
    if not images:
        raise ValueError("a curve needs images; those without lesions count, too")
    events = _events(images, overlap)
    thresholds = np.unique(events.scores)[::-1]
    ends = np.searchsorted(-events.scores, -thresholds, side="right")
    ones = np.ones(len(images))
    false, found = (np.append(0.0, counts)[ends] for counts in _curve(events, ones))
    values = _at_rates(events, ones)
    resampled = _resampled(events, [image.patient for image in images], resamples, seed)
    low, high = interval(resampled)
    mean_low, mean_high = interval(resampled.mean(1))
    estimates = [Estimate(*map(float, numbers)) for numbers in zip(values, low, high, strict=True)]
    return Froc(
        thresholds,
        false,
        found,
        dict(zip(RATES, estimates, strict=True)),
        Estimate(float(values.mean()), float(mean_low), float(mean_high)),
        len(images),
        int(events.lesions.sum()),
    )


@dataclass(frozen=True, eq=False)
class _Events:
    """What happens as the threshold falls: false alarms come, and lesions are found; by descending score."""

    scores: Floats
    """(E,)."""
    is_lesion: NDArray[np.bool_]
    """(E,) a lesion is found; else a false alarm."""
    owners: NDArray[np.int64]
    """(E,) image."""
    lesions: Floats
    """(I,) lesions of each image."""


def _events(images: Sequence[Detections], overlap: float) -> _Events:
    scores, is_lesion, owners = [np.zeros(0)], [np.zeros(0, np.bool_)], [np.zeros(0, np.int64)]
    for place, image in enumerate(images):
        alarms, finds = _of_image(image, overlap)
        scores += [alarms, finds]
        is_lesion.append(np.repeat([False, True], [len(alarms), len(finds)]))
        owners.append(np.full(len(alarms) + len(finds), place))
    joined = np.concatenate(scores)
    order = np.argsort(-joined, kind="stable")
    return _Events(
        joined[order],
        np.concatenate(is_lesion)[order],
        np.concatenate(owners)[order],
        np.array([len(image.lesions) for image in images], np.float64),
    )


def _of_image(image: Detections, overlap: float) -> tuple[Floats, Floats]:
    """Scores of the false alarms, and those at which lesions are found."""
    lesions = np.asarray(image.lesions, np.float64).reshape(-1, 4)
    scores = np.asarray(image.scores, np.float64)
    if not len(scores):
        return np.zeros(0), np.zeros(0)
    _check(image, scores)
    hits = _hits(np.asarray(image.found, np.float64), lesions, overlap)
    surest = np.where(hits, scores[:, None], -np.inf).max(0, initial=-np.inf)
    return scores[~hits.any(1)], surest[surest > -np.inf]


def _hits(found: Floats, lesions: Floats, overlap: float) -> NDArray[np.bool_]:
    """(n, m) what finds which lesion."""
    starts, ends = lesions[:, :2], lesions[:, 2:]
    if found.shape[1] == 2:
        inside = (found[:, None] >= starts) & (found[:, None] <= ends)
        return np.asarray(inside.all(2))
    edges = np.minimum(found[:, None, 2:], ends) - np.maximum(found[:, None, :2], starts)
    shared = edges.clip(0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (found, lesions)]
    return np.asarray(shared > overlap * (areas[0][:, None] + areas[1] - shared))


def _curve(events: _Events, weights: Floats) -> tuple[Floats, Floats]:
    """False alarms for each image and sensitivity behind each event, where images count `weights` times."""
    weight = weights[events.owners]
    false = np.cumsum(np.where(events.is_lesion, 0, weight)) / weights.sum()
    lesions = float(weights @ events.lesions)
    found = np.cumsum(np.where(events.is_lesion, weight, 0))
    return false, found / lesions if lesions else np.full(len(found), np.nan)


def _at_rates(events: _Events, weights: Floats) -> Floats:
    """(R,) the sensitivity at each of `RATES`."""
    if not weights @ events.lesions:
        return np.full(len(RATES), np.nan)
    false, found = _curve(events, weights)
    # A threshold takes all events of one score, or none.
    last = np.append(events.scores[1:] != events.scores[:-1], True)[: len(found)]
    false, found = np.append(0, false[last]), np.append(0, found[last])
    return np.asarray(found[np.searchsorted(false, np.array(RATES) + 1e-12, side="right") - 1])


def _resampled(events: _Events, patients: Sequence[int | str], resamples: int, seed: int) -> Floats:
    """(S, R) the sensitivities of each draw of patients."""
    names, of_image = np.unique([str(patient) for patient in patients], return_inverse=True)
    if len(names) < 2:
        return np.full((1, len(RATES)), np.nan)
    drawn = draw_patients(len(names), resamples=resamples, seed=seed)
    return np.array([_at_rates(events, times[of_image]) for times in drawn])


def _check(image: Detections, scores: Floats) -> None:
    found = np.asarray(image.found)
    if found.ndim != 2 or found.shape[1] not in (2, 4) or len(found) != len(scores):
        raise ValueError(
            f"{len(scores)} scores for what was found {found.shape}: give a score for each box (n, 4) or point (n, 2)"
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite numbers, got {scores[~np.isfinite(scores)][0]}")


def _plain(estimate: Estimate) -> list[float | None]:
    return [None if np.isnan(number) else number for number in estimate]
