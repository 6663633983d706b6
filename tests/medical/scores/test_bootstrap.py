"""Patients are drawn, not cases: a patient's further cases make nothing surer."""

import numpy as np
import pytest

from medical.scores.bootstrap import (
    Estimate,
    draw_patients,
    interval,
    mean_estimate,
    ratio_estimate,
    sums_by_patient,
)

DICE = np.random.default_rng(3).beta(8, 2, 30)
PATIENTS = np.arange(30)


def width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


def test_a_resampled_mean_is_that_of_the_patients_drawn() -> None:
    drawn = draw_patients(7, resamples=50, seed=1)
    values = np.random.default_rng(0).random(12)
    patients = np.array([0, 1, 2, 3, 4, 5, 6, 6, 6, 2, 2, 1])

    means = [values.repeat(times[patients].astype(int)).mean() for times in drawn]
    estimate = mean_estimate(values, patients, resamples=50, seed=1)

    assert drawn.sum(1).tolist() == [7] * 50
    assert estimate.value == pytest.approx(values.mean())
    assert estimate[1:] == pytest.approx(np.percentile(means, [2.5, 97.5]))


def test_copies_of_cases_change_no_interval() -> None:
    """Resampling cases would make it ten times as narrow."""
    once = mean_estimate(DICE, PATIENTS)
    copied = mean_estimate(DICE.repeat(100), PATIENTS.repeat(100))

    assert copied == pytest.approx(once)
    assert width(mean_estimate(DICE.repeat(100), np.arange(3000))) < width(once) / 8


def test_a_patient_with_a_hundred_copies_does_not_narrow_the_interval() -> None:
    for patient in (0, 11, 29):
        times = np.where(patient == PATIENTS, 100, 1)
        copied = mean_estimate(DICE.repeat(times), PATIENTS.repeat(times))
        assert width(copied) > width(mean_estimate(DICE, PATIENTS))


def test_intervals_are_as_wide_as_theory_says() -> None:
    estimate = mean_estimate(DICE, PATIENTS, resamples=20_000)
    error = DICE.std() / np.sqrt(len(DICE))

    assert width(estimate) == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_intervals_hold_the_truth_about_as_often_as_they_promise() -> None:
    random = np.random.default_rng(0)
    held = 0
    for trial in range(300):
        means = random.normal(0.8, 0.1, 30)
        cases = means.repeat(4) + random.normal(0, 0.02, 120)
        estimate = mean_estimate(cases, np.arange(30).repeat(4), resamples=300, seed=trial)
        held += estimate.low <= 0.8 <= estimate.high

    assert 0.90 <= held / 300 <= 0.97


def test_the_seed_decides() -> None:
    assert mean_estimate(DICE, PATIENTS, seed=4) == mean_estimate(DICE, PATIENTS, seed=4)
    assert mean_estimate(DICE, PATIENTS, seed=4) != mean_estimate(DICE, PATIENTS, seed=5)


def test_names_and_numbers_of_patients_are_alike() -> None:
    names = [f"{patient:03}" for patient in PATIENTS]

    assert mean_estimate(DICE, names) == mean_estimate(DICE, PATIENTS)


def test_a_ratio_weighs_cases_by_what_they_have() -> None:
    found, lesions = np.array([1, 0, 9]), np.array([1, 3, 10])

    assert ratio_estimate(found, lesions, [1, 2, 3]).value == pytest.approx(10 / 14)


def test_cases_without_a_number_are_left_out() -> None:
    values = np.append(DICE, [np.nan] * 5)

    assert mean_estimate(values, np.append(PATIENTS, [0, 1, 2, 3, 4])) == mean_estimate(
        DICE, PATIENTS
    )


def test_one_patient_has_no_interval_and_nobody_has_no_mean() -> None:
    np.testing.assert_equal(mean_estimate([0.5, 0.7], [1, 1]), (0.6, np.nan, np.nan))
    np.testing.assert_equal(mean_estimate([], []), (np.nan, np.nan, np.nan))
    np.testing.assert_equal(ratio_estimate([0, 0], [0, 0], [1, 2]), (np.nan, np.nan, np.nan))


def test_draws_in_which_nothing_could_be_measured_are_left_out() -> None:
    resampled = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])

    low, high = interval(resampled)

    np.testing.assert_allclose((low[0], high[0]), np.percentile([1, 3], [2.5, 97.5]))
    assert np.isnan([low[1], high[1]]).all()


def test_sums_are_those_of_each_patient() -> None:
    values = np.arange(12.0).reshape(6, 2)

    sums = sums_by_patient(values, [5, 1, 5, 5, 1, 9])

    assert sums.tolist() == [[10, 12], [10, 13], [10, 11]]
