"""Each number of a case has a rule: against MONAI and by hand, with void, misses, false alarms and empty cases."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from monai.metrics.meandice import compute_dice
from monai.metrics.meaniou import compute_iou

from medical.scores.case_scores import ClassScores, diagonal, overlaps, score_case
from tests.medical.scores.pairs import Labels, blobs, five, pairs, score


def one_hot(labels: Labels) -> Any:
    """(1, 3, D, H, W) as MONAI takes it."""
    return torch.nn.functional.one_hot(torch.tensor(labels).long(), 3).movedim(-1, 0)[None].float()


def numbers(scores: ClassScores) -> tuple[Any, ...]:
    """For comparisons: NaN equals NaN."""
    return tuple(
        None if isinstance(value, float) and math.isnan(value) else value
        for value in vars(scores).values()
    )


@given(pairs())
def test_dice_and_iou_equal_monais_where_the_class_is_there(pair: tuple[Labels, Labels]) -> None:
    scores = score(*pair)
    hot = one_hot(pair[0]), one_hot(pair[1])
    theirs = {
        "dice": compute_dice(*hot, include_background=False)[0],
        "iou": compute_iou(*hot, include_background=False)[0],
    }

    for name, values in theirs.items():
        for found, value in zip(scores, values.tolist(), strict=True):
            assert found.present is not math.isnan(value)
            if found.present:
                assert getattr(found, name) == pytest.approx(value, abs=1e-6)


@given(pairs(values=(0, 0, 0, 0, 0, 0, 0, 1, 2)))
def test_every_status_has_its_numbers(pair: tuple[Labels, Labels]) -> None:
    predicted, true = pair
    for label, found in enumerate(score(*pair), start=1):
        there, guessed = (true == label).sum(), (predicted == label).sum()
        shared = ((true == label) & (predicted == label)).sum()
        match found.status:
            case "scored":
                assert shared
                assert found.dice > 0
            case "missed":
                assert there
                assert (shared, found.dice, found.iou, found.surface_dice >= 0) == (0, 0, 0, True)
            case "false_alarm":
                assert guessed
                assert (there, found.dice, found.iou, found.surface_dice) == (0, 0, 0, 0)
            case _:
                assert found.status == "correctly_empty"
                assert (there, guessed) == (0, 0)
                assert all(map(math.isnan, (found.dice, found.iou, found.hd95, found.surface_dice)))
        if found.status != "correctly_empty":
            assert 0 <= found.hd95 <= diagonal(true.shape, None)
            assert (found.hd95 == diagonal(true.shape, None)) is not bool(there and guessed)


def test_what_is_wholly_missed_is_as_far_away_as_the_image_is_long() -> None:
    true = np.zeros((20, 30, 40), np.uint8)
    true[5, 10:12, 10:12] = 1

    found = score(true * 0, true, num_classes=2, spacing=(2.0, 0.5, 0.5))[0]

    assert (found.status, found.dice, found.surface_dice) == ("missed", 0, 0)
    assert found.hd95 == pytest.approx(math.hypot(40, 15, 20))
    assert (found.lesions, found.lesions_found, found.reference_volume) == (1, 0, 2.0)


def test_a_lesion_found_beside_itself_is_missed_with_its_distance() -> None:
    predicted, true = np.zeros((2, 1, 20, 20), np.uint8)
    true[0, 5, 5] = predicted[0, 5, 8] = 1

    found = score(predicted, true, num_classes=2)[0]

    assert (found.status, found.dice, found.hd95) == ("missed", 0, 3)
    assert (found.lesions_found, found.false_lesions) == (0, 1)


def test_a_single_slice_is_a_picture() -> None:
    """Its thickness neither makes all of a mask surface nor lengthens its diagonal."""
    predicted, true = blobs((1, 40, 50), seed=3)
    scan = score(predicted, true, spacing=(9.0, 1.0, 1.0))

    assert [found.hd95 for found in scan] == [found.hd95 for found in score(predicted, true)]
    assert diagonal((1, 3, 4), (9.0, 1.0, 1.0)) == 5
    assert scan[0].reference_volume == 9 * (true == 1).sum()


@given(pairs(void=True), pairs())
def test_void_voxels_change_nothing(
    pair: tuple[Labels, Labels], others: tuple[Labels, Labels]
) -> None:
    predicted, true = pair
    noise = np.resize(others[0], true.shape)
    changed = np.where(true == 255, noise, predicted)

    assert [*map(numbers, score(predicted, true))] == [*map(numbers, score(changed, true))]
    assert np.array_equal(
        overlaps(predicted, true, num_classes=3), overlaps(changed, true, num_classes=3)
    )


@given(pairs())
def test_a_void_margin_is_as_if_it_were_not_there(pair: tuple[Labels, Labels]) -> None:
    """But for the diagonal, which is that of the image."""
    flat = pair[0].shape[0] == 1
    margin = ((0, 0) if flat else (2, 1), (1, 2), (3, 0))
    true = np.pad(pair[1], margin, constant_values=255)
    predicted = np.pad(pair[0], margin, constant_values=1)

    for found, padded in zip(score(*pair), score(predicted, true), strict=True):
        measured = found.present and found.predicted_volume > 0
        hd95 = padded.hd95 if measured else found.hd95
        assert numbers(dataclasses.replace(padded, hd95=hd95)) == numbers(found)


def test_a_case_that_is_all_void_is_unlabelled() -> None:
    predicted = np.ones((2, 3, 4), np.uint8)
    scores = score(predicted, np.full_like(predicted, 255))

    assert [found.status for found in scores] == ["unlabelled"] * 2
    assert all(math.isnan(found.dice) and not found.predicted_volume for found in scores)
    assert not any(found.present or found.healthy for found in scores)


@given(pairs())
def test_swapping_prediction_and_truth_keeps_what_is_symmetric(
    pair: tuple[Labels, Labels],
) -> None:
    for one, other in zip(score(*pair), score(*pair[::-1]), strict=True):
        np.testing.assert_equal(
            (one.dice, one.iou, one.hd95, one.surface_dice),
            (other.dice, other.iou, other.hd95, other.surface_dice),
        )
        assert one.reference_volume == other.predicted_volume
        assert one.lesions - one.lesions_found == other.false_lesions


@pytest.mark.parametrize("shape", [(1, 30, 40), (8, 20, 24)])
def test_spacing_scales_millimetres(shape: tuple[int, int, int]) -> None:
    pair = blobs(shape, seed=7)
    small = score(*pair, spacing=(2.0, 0.7, 0.9), tolerance=1.0)
    large = score(*pair, spacing=(6.0, 2.1, 2.7), tolerance=3.0)

    for one, other in zip(small, large, strict=True):
        assert other.hd95 == pytest.approx(3 * one.hd95)
        assert other.reference_volume == pytest.approx(27 * one.reference_volume)
        assert (other.dice, other.surface_dice) == (one.dice, one.surface_dice)


@given(pairs(void=True))
def test_overlaps_are_counted_class_by_class(pair: tuple[Labels, Labels]) -> None:
    predicted, true = pair
    known = true != 255

    counted = [
        [(known & a & b).sum(), (known & a).sum(), (known & b).sum()]
        for a, b in ((true == label, predicted == label) for label in range(3))
    ]

    assert overlaps(predicted, true, num_classes=3).tolist() == counted
    for found, (shared, *_) in zip(score(*pair), counted[1:], strict=True):
        assert found.intersection == pytest.approx(shared)


def test_the_five_cases() -> None:
    found = [score(*pair, num_classes=2)[0] for pair in five()]

    assert [round(one.dice, 4) for one in found[:3]] == [0.9787, 0.5625, 0]
    assert [one.status for one in found] == [
        *("scored", "scored", "missed", "correctly_empty", "false_alarm")
    ]
    assert [round(one.hd95, 2) for one in found[:2]] == [2.0, 1.19]
    assert found[2].hd95 == found[4].hd95 == pytest.approx(64 * math.sqrt(2))
    assert found[4].volume_error == 9


def test_wrong_input_is_told() -> None:
    labels = np.zeros((2, 4, 4), np.uint8)

    with pytest.raises(ValueError, match=r"\(2, 4, 4\) and true ones \(4, 4\)"):
        score(labels, labels[0])
    with pytest.raises(ValueError, match="label 3 is none of the 3 classes"):
        score(labels + 3, labels)
    with pytest.raises(ValueError, match="label 7 is none of the 3 classes"):
        overlaps(labels, labels + 7, num_classes=3)
    with pytest.raises(ValueError, match="label 255"):
        score_case(labels + 255, labels, num_classes=2, spacing=None, tolerance=1)
