"""The curve is that of a walk over all thresholds, and its interval is over patients."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.scores.froc import RATES, Detections, froc


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    edges = [max(0, min(one[k + 2], other[k + 2]) - max(one[k], other[k])) for k in (0, 1)]
    shared = edges[0] * edges[1]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def walked(images: Sequence[Detections], threshold: float) -> tuple[float, float]:
    """False alarms for each image and sensitivity at one threshold."""
    found = false = 0
    for image in images:
        kept = image.found[image.scores >= threshold]
        false += sum(all(iou(box, lesion) <= 0.1 for lesion in image.lesions) for box in kept)
        found += sum(any(iou(box, lesion) > 0.1 for box in kept) for lesion in image.lesions)
    lesions = sum(len(image.lesions) for image in images)
    return false / len(images), found / lesions if lesions else math.nan


def at_rate(images: Sequence[Detections], rate: float) -> float:
    scores = {score for image in images for score in image.scores}
    points = [(0.0, 0.0), *(walked(images, score) for score in scores)]
    return max(found for false, found in points if false <= rate)


def drawn(seed: int, num_images: int = 6) -> list[Detections]:
    """Images with boxes near lesions and elsewhere; many scores are equal."""
    random = np.random.default_rng(seed)

    def boxes(count: int) -> np.ndarray:
        corners = random.integers(0, 12, (count, 2))
        return np.concatenate((corners, corners + random.integers(1, 8, (count, 2))), 1).astype(
            float
        )

    counts = random.integers(0, 5, (num_images, 2))
    return [
        Detections(boxes(n), random.integers(0, 6, n) / 6, boxes(m), patient=place // 2)
        for place, (n, m) in enumerate(counts)
    ]


@given(st.integers(0, 10**6))
def test_the_curve_is_that_of_a_walk_over_thresholds(seed: int) -> None:
    images = drawn(seed)
    curve = froc(images, resamples=3)

    assert {*curve.thresholds} <= {score for image in images for score in image.scores}
    assert (np.diff(curve.thresholds) < 0).all()
    points = [walked(images, threshold) for threshold in curve.thresholds]
    np.testing.assert_allclose(
        np.stack((curve.false_per_image, curve.sensitivity), 1), np.reshape(points, (-1, 2))
    )
    if curve.lesions:
        values = [at_rate(images, rate) for rate in RATES]
        assert [curve.at[rate].value for rate in RATES] == pytest.approx(values)
        assert curve.mean.value == pytest.approx(np.mean(values))


def test_a_walk_over_draws_of_patients_gives_the_interval() -> None:
    images = drawn(4, num_images=8)
    curve = froc(images, resamples=60, seed=2)

    from medical.scores.bootstrap import draw_patients

    means = []
    for times in draw_patients(4, resamples=60, seed=2):
        chosen = [image for image in images for _ in range(int(times[int(image.patient)]))]
        means.append(np.mean([at_rate(chosen, rate) for rate in RATES]))
    assert curve.mean[1:] == pytest.approx(np.percentile(means, [2.5, 97.5]))


def test_copies_of_a_patients_images_make_nothing_surer() -> None:
    images = drawn(1, num_images=12)

    once, copied = froc(images), froc([image for image in images for _ in range(10)])

    assert copied.mean == pytest.approx(once.mean)


def test_points_find_the_boxes_that_they_lie_in() -> None:
    lesions = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    points = np.array([[5.0, 5], [10, 10], [15, 15]])

    curve = froc([Detections(points, np.array([0.9, 0.8, 0.7]), lesions, "a")])

    assert curve.thresholds.tolist() == [0.9, 0.7]
    assert curve.sensitivity.tolist() == [0.5, 0.5]
    assert curve.false_per_image.tolist() == [0, 1]


def test_a_second_find_of_a_lesion_is_no_false_alarm() -> None:
    lesion = np.array([[0.0, 0, 10, 10]])

    curve = froc([Detections(lesion.repeat(3, 0), np.array([0.9, 0.9, 0.1]), lesion, 1)])

    assert curve.false_per_image.tolist() == [0]
    assert curve.sensitivity.tolist() == [1]
    assert curve.mean.value == 1


def test_images_without_lesions_count_for_false_alarms() -> None:
    nothing = np.zeros((0, 4))
    box = np.array([[0.0, 0, 4, 4]])
    sick = Detections(box, np.array([0.5]), box, 1)
    healthy = Detections(box, np.array([0.9]), nothing, 2)
    quiet = Detections(nothing, np.zeros(0), nothing, 3)

    curve = froc([sick, healthy, quiet, quiet])

    assert curve.false_per_image.tolist() == [0.25, 0.25]
    assert [curve.at[rate].value for rate in RATES] == [0, 1, 1, 1, 1, 1, 1]
    assert froc([sick, quiet]).mean.value == 1


def test_without_lesions_there_is_no_sensitivity() -> None:
    nothing = np.zeros((0, 4))
    curve = froc([Detections(np.ones((1, 4)), np.ones(1), nothing, patient) for patient in (1, 2)])

    assert curve.false_per_image.tolist() == [1]
    assert np.isnan([*curve.sensitivity, *curve.mean]).all()
    saved = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert saved["mean"] == [None] * 3
    assert [*saved["at"]] == ["0.125", "0.25", "0.5", "1", "2", "4", "8"]


def test_wrong_input_is_told() -> None:
    box = np.ones((2, 4))

    with pytest.raises(ValueError, match="needs images"):
        froc([])
    with pytest.raises(ValueError, match="3 scores for what was found"):
        froc([Detections(box, np.ones(3), box, 1)])
    with pytest.raises(ValueError, match="finite"):
        froc([Detections(box, np.array([0.5, np.nan]), box, 1)])
