"""What cases come to: a miss stays in every mean, an empty case is in none, and everybody is counted."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.scores.bootstrap import mean_estimate
from medical.scores.case_scores import ClassScores
from medical.scores.summary import MEANINGS, Summary, summarise
from tests.medical.scores.pairs import Labels, blobs, five_table, pairs, score

NAMES = ("liver", "tumour")


def of(
    cases: Sequence[tuple[ClassScores, ...]], patients: Sequence[int], **options: int
) -> Summary:
    """The summary of cases with two classes."""
    scores = dict(zip(NAMES, map(list, zip(*cases, strict=True)), strict=True))
    return summarise(scores, dict.fromkeys(NAMES, patients), unit="px", **options)


def test_the_five_cases() -> None:
    summary = five_table().summary()
    lesion = {name: estimate.value for name, estimate in summary.classes["lesion"].items()}

    assert lesion["pooled/dice"] == pytest.approx(0.960, abs=5e-4)
    assert lesion["case/dice"] == pytest.approx(0.514, abs=5e-4)
    assert lesion["case/hd95"] == pytest.approx((2.0 + 1.194 + 90.510) / 3, abs=1e-2)
    assert lesion["lesion/sensitivity"] == pytest.approx(2 / 3)
    assert lesion["lesion/false_per_case"] == pytest.approx(1 / 5)
    assert lesion["healthy/false_alarm_rate"] == pytest.approx(1 / 2)
    assert lesion["healthy/false_alarm_volume"] == pytest.approx(9 / 2)
    assert lesion["case/volume_error"] == pytest.approx((96 / 2304 + 0 + 1) / 3)
    assert lesion["case/volume_bias"] == pytest.approx((-96 / 2304 + 0 - 1) / 3)
    assert summary.counts["lesion"] == {
        "n": 5,
        "scored": 2,
        "missed": 1,
        "false_alarm": 1,
        "correctly_empty": 1,
        "unlabelled": 0,
        "lesions": 3,
    }
    assert [*lesion] == [*MEANINGS]


@given(st.lists(pairs(void=True), min_size=1, max_size=5))
def test_numbers_are_those_of_a_loop(cases: list[tuple[Labels, Labels]]) -> None:
    scores = [score(*pair) for pair in cases]
    summary = of(scores, range(len(cases)), resamples=10)

    for place, name in enumerate(NAMES):
        shared = sum(((p == place + 1) & (t == place + 1)).sum() for p, t in cases)
        sizes = sum(
            ((p == place + 1) & (t != 255)).sum() + (t == place + 1).sum() for p, t in cases
        )
        pooled = summary.classes[name]["pooled/dice"].value
        np.testing.assert_allclose(pooled, 2 * shared / sizes if sizes else np.nan)
        dice = [found[place].dice for found in scores if found[place].present]
        mean = summary.classes[name]["case/dice"].value
        np.testing.assert_allclose(mean, np.mean(dice) if dice else np.nan)
        counts = summary.counts[name]
        assert counts["n"] + counts["unlabelled"] == len(cases)
        assert counts["n"] == sum(
            counts[key] for key in ("scored", "missed", "false_alarm", "correctly_empty")
        )


def test_a_missed_lesion_never_drops_out_of_a_mean() -> None:
    predicted, true = blobs((1, 40, 50), seed=2)
    good = [score(predicted, true)] * 3
    missed = score(predicted * 0, true)

    before, after = of(good, range(3)), of([*good, missed], range(4))

    for name in NAMES:
        one, other = before.classes[name], after.classes[name]
        assert other["case/dice"].value == pytest.approx(0.75 * one["case/dice"].value)
        assert other["case/iou"].value == pytest.approx(0.75 * one["case/iou"].value)
        assert other["case/surface_dice"].value == pytest.approx(
            0.75 * one["case/surface_dice"].value
        )
        assert other["case/hd95"].value == pytest.approx(
            0.75 * one["case/hd95"].value + math.hypot(40, 50) / 4
        )
        assert other["pooled/dice"].value < one["pooled/dice"].value
        assert other["lesion/sensitivity"].value < one["lesion/sensitivity"].value
        assert after.counts[name]["missed"] == 1


def test_a_case_rightly_empty_is_in_no_dice_and_counted() -> None:
    pair = blobs((1, 40, 50), seed=2)
    empty = np.zeros((1, 40, 50), np.uint8)
    scores = [score(*pair), score(*pair)]

    before, after = of(scores, [1, 2]), of([*scores, score(empty, empty)], [1, 2, 3])

    for name in NAMES:
        for key, estimate in before.classes[name].items():
            if key.startswith(("case/", "pooled/")):
                assert after.classes[name][key].value == pytest.approx(estimate.value)
        assert after.classes[name]["healthy/false_alarm_rate"].value == 0
        assert after.counts[name]["correctly_empty"] == 1


def test_an_unlabelled_case_changes_nothing_but_its_count() -> None:
    pair = blobs((1, 40, 50), seed=2)
    void = np.full((1, 40, 50), 255, np.uint8)

    before = of([score(*pair)] * 2, [1, 2], resamples=20)
    after = of([score(*pair)] * 2 + [score(pair[0], void)], [1, 2, 2], resamples=20)

    np.testing.assert_equal(after.to_dict()["classes"], before.to_dict()["classes"])
    assert after.counts["liver"] == before.counts["liver"] | {"unlabelled": 1}


def test_means_are_over_the_classes_that_were_measured() -> None:
    predicted, true = blobs((1, 40, 50), seed=2)
    only_liver = np.where(true == 2, 0, true).astype(np.uint8)
    summary = of([score(predicted, only_liver)] * 2, [1, 2], resamples=10)

    assert summary.mean["case/dice"] == summary.classes["liver"]["case/dice"]
    assert math.isnan(summary.classes["tumour"]["case/dice"].value)
    both = [summary.classes[name]["pooled/dice"].value for name in NAMES]
    assert summary.mean["pooled/dice"].value == pytest.approx(np.mean(both))


def test_intervals_are_over_patients() -> None:
    cases = [score(*blobs((1, 40, 50), seed=seed)) for seed in range(9)]
    patients = [1, 1, 2, 3, 4, 4, 4, 5, 6]

    summary = of(cases, patients, seed=3)

    for place, name in enumerate(NAMES):
        dice = [found[place].dice for found in cases]
        alone = mean_estimate(dice, patients, seed=3)
        assert summary.classes[name]["case/dice"] == pytest.approx(alone)
    estimate = summary.mean["case/dice"]
    assert estimate.low < estimate.value < estimate.high
    copied = of([case for case in cases for _ in range(5)], np.repeat(patients, 5).tolist(), seed=3)
    assert copied.mean["case/dice"] == pytest.approx(estimate)


def test_one_patient_has_no_intervals() -> None:
    summary = of([score(*blobs((1, 40, 50), seed=seed)) for seed in range(3)], [7, 7, 7])

    assert summary.mean["case/dice"].value > 0
    assert math.isnan(summary.mean["case/dice"].low)


def test_it_becomes_json() -> None:
    saved = json.loads(json.dumps(five_table().summary(resamples=20).to_dict(), allow_nan=False))

    assert saved["unit"] == "px"
    assert saved["mean"] == saved["classes"]["lesion"]
    assert len(saved["mean"]["case/dice"]) == 3


def test_without_cases_there_is_nothing() -> None:
    empty = summarise({}, {}, unit="mm")

    assert (empty.classes, empty.counts) == ({}, {})
    assert all(math.isnan(estimate.value) for estimate in empty.mean.values())
