"""What is fitted equals what was planted, and what a search over everything finds."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medical.scans.decision import Decision
from medical.scores.calibration import (
    THRESHOLDS,
    Reliability,
    dice_by_threshold,
    fit_review,
    fit_temperature,
    fit_threshold,
    sample_voxels,
)
from tests.medical.scores.pairs import blobs

Probabilities = NDArray[np.float32]
SHAPE = (6, 40, 40)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers: NDArray[np.float64] = np.exp(logits - logits.max(0))
    powers /= powers.sum(0)
    return powers


def promised(seed: int, temperature: float = 1.0, shape: tuple[int, int, int] = SHAPE) -> Any:
    """Probabilities (3, D, H, W) of a smooth scan, sharpened by a temperature, and a truth drawn from the true ones."""
    random = np.random.default_rng(seed)
    smooth, _ = blobs(shape, seed=seed)
    logits = 3.0 * (np.arange(3)[:, None, None, None] == smooth) + random.normal(0, 1, (3, *shape))
    logits[0] += 1
    true = softmax(logits)
    drawn = (random.random(shape) > true.cumsum(0)[:2]).sum(0).astype(np.uint8)
    return softmax(logits * temperature).astype(np.float32), drawn


def whole_loss(cases: Sequence[Any], temperature: float) -> float:
    """The mean over cases of the loss of all their labelled voxels."""
    losses = []
    for probabilities, truth in cases:
        calibrated = Decision(temperature).calibrated(probabilities)
        known = truth != 255
        right = np.take_along_axis(calibrated, np.where(known, truth, 0)[None].astype(int), 0)[0]
        losses.append(-np.log(right[known], dtype=np.float64).mean())
    return float(np.mean(losses))


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_a_planted_temperature_is_found(temperature: float) -> None:
    cases = [promised(seed, temperature) for seed in range(6)]
    samples = [sample_voxels(*case, seed=seed) for seed, case in enumerate(cases)]

    assert fit_temperature(samples) == pytest.approx(temperature, rel=0.05)


def test_a_sample_that_takes_everything_gives_the_best_of_all_temperatures() -> None:
    cases = [promised(seed, 1.8, (2, 20, 24)) for seed in range(3)]
    cases[0][1][0, :7] = 255

    found = fit_temperature([sample_voxels(*case, count=10**6) for case in cases])

    assert whole_loss(cases, found) <= min(
        whole_loss(cases, found * factor) for factor in (0.98, 0.995, 1.005, 1.02)
    )


def test_saved_in_sixteen_bits_the_temperature_stays() -> None:
    cases = [promised(seed, 4.0) for seed in range(4)]
    fine = fit_temperature([sample_voxels(*case) for case in cases])
    coarse = fit_temperature([sample_voxels(p.astype(np.float16), t) for p, t in cases])

    assert coarse == pytest.approx(fine, rel=0.01)


def test_weights_make_up_for_what_is_drawn_more_often() -> None:
    """Means over samples, of the loss and of a class, are about those over all voxels."""
    probabilities, truth = promised(3)
    truth[:, :5] = 255
    losses, shares = [], []
    for seed in range(40):
        sample = sample_voxels(probabilities, truth, count=600, seed=seed)
        right = np.take_along_axis(sample.probabilities, sample.truth[:, None].astype(int), 1)
        losses.append(float(-sample.weights @ np.log(right[:, 0])))
        shares.append(float(sample.weights @ (sample.truth == 2)))
        assert sample.weights.sum() == pytest.approx(1)
        assert len(sample.truth) <= 600
        assert 255 not in sample.truth

    assert np.mean(losses) == pytest.approx(whole_loss([(probabilities, truth)], 1), rel=0.02)
    assert np.mean(shares) == pytest.approx((truth[truth != 255] == 2).mean(), rel=0.03)


def test_a_sample_favours_foreground_and_borders() -> None:
    truth = np.zeros((1, 200, 200), np.uint8)
    truth[0, 90:110, 90:110] = 1
    probabilities = np.stack([truth == 0, truth == 1]).astype(np.float32) * 0.9 + 0.05

    sample = sample_voxels(probabilities, truth, count=300)

    assert (sample.truth == 1).mean() > 0.4
    assert sample.weights[sample.truth == 1].sum() == pytest.approx(0.01, rel=0.2)


def test_a_sample_is_a_function_of_its_seed() -> None:
    case = promised(0)

    for one, other in zip(sample_voxels(*case, seed=1), sample_voxels(*case, seed=1), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(
        sample_voxels(*case, seed=1).probabilities, sample_voxels(*case, seed=2).probabilities
    )


def test_void_changes_no_temperature() -> None:
    probabilities, truth = promised(1, 2.0)
    truth[:, ::3] = 255
    changed = np.where(truth == 255, 1 / 3, probabilities).astype(np.float32)

    one, other = (fit_temperature([sample_voxels(p, truth)]) for p in (probabilities, changed))

    assert one == other


def test_without_labelled_voxels_nothing_is_changed() -> None:
    probabilities, truth = promised(0)

    assert fit_temperature([]) == 1
    assert fit_temperature([sample_voxels(probabilities, np.full_like(truth, 255))]) == 1


def dice(labels: Any, truth: Any) -> float:
    """Of the foreground by hand, NaN where both are empty."""
    known = truth != 255
    found, there = (labels > 0) & known, (truth > 0) & known
    sizes = found.sum() + there.sum()
    return float(2 * (found & there).sum() / sizes) if sizes else math.nan


@given(st.integers(0, 10**6), st.booleans())
def test_dice_at_each_threshold_is_that_of_the_decision(seed: int, empty: bool) -> None:
    random = np.random.default_rng(seed)
    # Many values that are exactly a threshold, in the 32 bits in which they are compared.
    foreground = random.choice(np.array([*THRESHOLDS, 0, 0.03, 0.998], np.float32), (1, 4, 5))
    probabilities = np.stack([1 - foreground, foreground * 0.75, foreground * 0.25])
    truth = random.choice([0, 255] if empty else [0, 1, 2, 255], (1, 4, 5)).astype(np.uint8)

    curve = dice_by_threshold(probabilities, truth)

    expected = [dice(Decision(1, t).labels(probabilities), truth) for t in THRESHOLDS]
    np.testing.assert_allclose(curve, expected)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_the_threshold_is_the_best_of_a_search(seeds: list[int]) -> None:
    cases = [promised(seed, 1.0, (1, 8, 9)) for seed in seeds]
    means = [
        np.mean([dice(Decision(1, t).labels(p), truth) for p, truth in cases]) for t in THRESHOLDS
    ]

    found = fit_threshold([dice_by_threshold(*case) for case in cases])

    assert means[THRESHOLDS.index(found)] == pytest.approx(max(means))


def test_false_alarms_in_healthy_cases_raise_the_threshold() -> None:
    truth = np.zeros((1, 10, 10), np.uint8)
    truth[0, :5] = 1
    sick = np.where(truth == 1, 0.42, 0.12)[None].astype(np.float32)
    healthy = np.full((1, 1, 10, 10), 0.32, np.float32)
    curves = [dice_by_threshold(np.concatenate([1 - sick, sick]), truth)]
    curves += [dice_by_threshold(np.concatenate([1 - healthy, healthy]), truth * 0)] * 5

    assert fit_threshold(curves[:1]) == 0.4
    assert fit_threshold(curves) == 0.4
    sick[0, 0, :2] = 0.22
    both = [dice_by_threshold(np.concatenate([1 - sick, sick]), truth)]
    assert fit_threshold(both) == 0.2
    assert fit_threshold(both + curves[1:]) == 0.4


def test_of_equal_thresholds_the_one_nearest_to_a_half_is_taken() -> None:
    assert fit_threshold([np.full(len(THRESHOLDS), 0.7)]) == 0.5
    curve = np.where(np.array(THRESHOLDS) < 0.3, 0.9, 0.1)
    assert fit_threshold([curve]) == 0.25


def test_without_foreground_the_threshold_stays() -> None:
    assert fit_threshold([]) == 0.5
    assert fit_threshold([np.full(len(THRESHOLDS), np.nan)]) == 0.5
    assert fit_threshold([np.where(np.array(THRESHOLDS) < 0.7, 0, np.nan)]) == 0.5


def test_reliability_is_that_of_a_loop_over_voxels() -> None:
    cases = [promised(seed, 2.0, (2, 9, 11)) for seed in range(3)]
    cases[1][1][0, :4] = 255
    curve = Reliability(3, bins=10)
    for case in cases:
        curve.add(*case)

    for label in (1, 2):
        said = np.concatenate([p[label][t != 255] for p, t in cases])
        there = np.concatenate([t[t != 255] == label for _, t in cases])
        error = 0.0
        for place in range(10):
            inside = (np.minimum(said * np.float32(10), 9)).astype(int) == place
            assert curve.voxels[label - 1, place] == inside.sum()
            if inside.any():
                means = said[inside].mean(dtype=np.float64), there[inside].mean()
                found = curve.promised[label - 1, place], curve.observed[label - 1, place]
                assert found == pytest.approx(means)
                error += abs(means[0] - means[1]) * inside.mean()
        assert curve.error()[label - 1] == pytest.approx(error)


def test_calibrated_probabilities_keep_their_promise() -> None:
    """And sharpened ones do not; leaving out what is surely background makes the error plainer."""
    errors = []
    for temperature in (1.0, 3.0):
        curve = Reliability(3)
        for seed in range(6):
            curve.add(*promised(seed, temperature))
        errors.append((curve.error().max(), curve.error(above=0.05).max()))

    assert max(errors[0]) < 0.02
    assert min(errors[1]) > 0.05
    assert errors[1][1] > errors[1][0]


def test_a_curve_becomes_json() -> None:
    curve = Reliability(2, bins=4)
    curve.add(np.full((2, 1, 2, 2), 0.5, np.float32), np.ones((1, 2, 2), np.uint8))
    saved = json.loads(json.dumps(curve.to_dict(), allow_nan=False))

    assert saved == {
        "voxels": [[0, 0, 4, 0]],
        "promised": [[None, None, 0.5, None]],
        "observed": [[None, None, 1.0, None]],
    }
    assert np.isnan(Reliability(3).error()).all()


def test_the_cut_flags_the_share_that_was_asked_for() -> None:
    random = np.random.default_rng(0)
    true = random.beta(6, 2, 50)
    found = fit_review(true + random.normal(0, 0.02, 50), true)

    assert found
    assert (found.cases, found.flagged, found.worst) == (50, 10, 10)
    assert found.caught >= 8
    assert found.dice_flagged < found.dice_others
    assert found.rank_correlation > 0.9


def test_cases_rightly_empty_are_fine_and_misses_are_not() -> None:
    dice_of = np.array([np.nan, 0.9, 0.8, 0.0, 0.85])
    found = fit_review(np.array([1.0, 0.9, 0.8, 0.1, 0.7]), dice_of)

    assert found
    assert found.below == pytest.approx(0.4)
    assert (found.flagged, found.caught, found.dice_flagged) == (1, 1, 0)
    assert found.dice_others == pytest.approx(np.mean([1, 0.9, 0.8, 0.85]))


def test_equal_promises_flag_nobody() -> None:
    found = fit_review(np.full(8, 0.9), np.linspace(0, 1, 8))

    assert found
    assert (found.flagged, found.caught) == (0, 0)
    assert math.isnan(found.rank_correlation)
    assert math.isnan(found.dice_flagged)


def test_a_few_cases_have_no_cut() -> None:
    assert fit_review(np.linspace(0, 1, 4), np.linspace(0, 1, 4)) is None
