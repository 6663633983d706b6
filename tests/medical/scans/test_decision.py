"""Labels follow the threshold and the temperature only the certainty; scores of a case need no truth."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medical.scans.decision import Decision, expected_dice, uncertainty

temperatures = st.floats(0.05, 20)


def probabilities(classes: int = 3, *shape: int) -> NDArray[np.float32]:
    """Random maps (K, 2, 8, 9) that add up to 1."""
    logits = np.random.default_rng(classes).normal(0, 3, (classes, *(shape or (2, 8, 9))))
    return torch.from_numpy(logits).softmax(0).numpy().astype(np.float32)


@given(temperatures, st.integers(2, 5))
def test_calibration_is_a_softmax_of_the_logarithms(temperature: float, classes: int) -> None:
    maps = probabilities(classes)
    theirs = (torch.from_numpy(maps).double().log() / temperature).softmax(0)

    np.testing.assert_allclose(Decision(temperature).calibrated(maps), theirs, atol=1e-5)


@given(temperatures)
def test_calibration_changes_no_order(temperature: float) -> None:
    maps = probabilities()

    np.testing.assert_array_equal(Decision(temperature).calibrated(maps).argmax(0), maps.argmax(0))


@pytest.mark.parametrize("temperature", [0.001, 0.5, 1.0, 100.0])
def test_what_is_certain_stays_certain(temperature: float) -> None:
    maps = np.array([[1, 0, 0.5], [0, 1, 0.5]], np.float32)

    np.testing.assert_array_equal(Decision(temperature).calibrated(maps), maps)


def test_without_a_temperature_nothing_changes() -> None:
    maps = probabilities()

    assert Decision().calibrated(maps) is maps


def test_with_two_classes_and_a_half_it_is_the_likelier_one() -> None:
    maps = probabilities(2)

    labels = Decision().labels(maps)

    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, maps.argmax(0))


@given(st.floats(0.05, 0.95))
def test_the_threshold_is_of_all_foreground_together(threshold: float) -> None:
    maps = probabilities(4)

    labels = Decision(threshold=threshold).labels(maps)

    np.testing.assert_array_equal(labels > 0, 1 - maps[0] >= np.float32(threshold))
    found = labels > 0
    np.testing.assert_array_equal(labels[found], maps[1:].argmax(0)[found] + 1)


def test_uncertainty_is_the_entropy() -> None:
    maps = probabilities()

    expected = torch.distributions.Categorical(torch.from_numpy(maps).movedim(0, -1)).entropy()
    np.testing.assert_allclose(uncertainty(maps), expected / np.log(3), atol=1e-5)


def test_uncertainty_ends_at_certainty_and_at_ignorance() -> None:
    maps = np.array([[1, 0, 0.25], [0, 1, 0.25], [0, 0, 0.25], [0, 0, 0.25]], np.float32)

    np.testing.assert_array_equal(uncertainty(maps), [0, 0, 1])


def test_the_expected_dice_of_certain_maps_is_that_of_the_mask() -> None:
    truth = np.zeros((1, 10, 10), np.float32)
    truth[0, 2:6, 2:6] = 1
    maps = np.stack([1 - truth, truth])
    labels = np.zeros((1, 10, 10), np.uint8)
    labels[0, 2:6, 3:7] = 1

    assert expected_dice(maps, truth.astype(np.uint8)) == 1
    assert expected_dice(maps, labels) == pytest.approx(2 * 12 / 32)


def test_the_expected_dice_is_close_to_the_mean_dice_of_masks_drawn_by_the_maps() -> None:
    maps = probabilities(2, 1, 60, 60)
    labels = Decision().labels(maps)
    random = np.random.default_rng(0)

    drawn = [random.random(labels.shape) < maps[1] for _ in range(50)]
    dice = [2 * (mask & (labels == 1)).sum() / (mask.sum() + (labels == 1).sum()) for mask in drawn]

    assert expected_dice(maps, labels) == pytest.approx(np.mean(dice), abs=0.01)


def test_where_nothing_is_found_the_most_suspicious_pixel_counts() -> None:
    maps = np.zeros((2, 1, 4, 4), np.float32)
    maps[0] = 1
    nothing = np.zeros((1, 4, 4), np.uint8)

    assert expected_dice(maps, nothing) == 1
    maps[:, 0, 1, 2] = 0.75, 0.25
    assert expected_dice(maps, nothing) == 0.75


def test_review_is_asked_for_below_the_limit_only() -> None:
    assert Decision(review_below=0.7).needs_review(0.69)
    assert not Decision(review_below=0.7).needs_review(0.7)
    assert not Decision().needs_review(0.0)


@pytest.mark.parametrize("decision", [Decision(), Decision(1.3, 0.4, 0.6)])
def test_decisions_survive_json(decision: Decision) -> None:
    assert Decision.from_dict(json.loads(json.dumps(decision.to_dict()))) == decision


@pytest.mark.parametrize(
    ("numbers", "message"),
    [((0, 0.5), "temperature 0 must"), ((1, 0), "threshold 0 must"), ((1, 1), "threshold 1 must")],
)
def test_numbers_that_mean_nothing_are_refused(numbers: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Decision(*numbers)
