"""Intensities of any unit come into the range of the network, whatever the scan is like."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medical.scans.intensity import Intensity

KINDS = (
    Intensity("window", -160, 240),
    Intensity("zscore"),
    Intensity("percentile", 0.5, 99.5),
)
WINDOW, ZSCORE, PERCENTILE = KINDS


def scan(dtype: Any = np.float32, *, shape: tuple[int, ...] = (4, 20, 30, 1)) -> NDArray[Any]:
    """A noisy organ in front of air."""
    noise = np.random.default_rng(0).normal(400, 50, shape)
    noise[:, :, :10] = 0
    return noise.astype(dtype)


@pytest.mark.parametrize("intensity", KINDS, ids=lambda intensity: intensity.kind)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_numbers_of_any_type_come_into_the_range(intensity: Intensity, dtype: Any) -> None:
    ranged = intensity(scan().clip(0, 255).astype(dtype))

    assert ranged.dtype == np.float32
    assert ranged.min() >= 0
    assert ranged.max() <= 255


def test_a_window_is_linear_between_its_ends() -> None:
    values = np.array([-3000, -160, 40, 240, 3000], np.int16).reshape(1, 1, -1, 1)

    np.testing.assert_array_equal(WINDOW(values).ravel(), [0, 0, 127.5, 255, 255])


def test_zscores_are_those_of_the_tissue() -> None:
    values = scan()

    ranged = ZSCORE(values)[:, :, 10:]

    assert ranged.mean() == pytest.approx(127.5, abs=0.1)
    assert ranged.std() == pytest.approx(32, abs=0.1)


@given(st.floats(0.1, 1000), st.floats(-1000, 1000))
def test_zscores_do_not_know_the_unit(factor: float, offset: float) -> None:
    values = scan(np.float64)

    np.testing.assert_allclose(ZSCORE(values * factor + offset), ZSCORE(values), atol=1e-2)


def test_more_air_changes_no_zscore_of_the_tissue() -> None:
    values = scan()
    wider = np.pad(values, ((0, 0), (0, 0), (40, 0), (0, 0)))

    np.testing.assert_array_equal(ZSCORE(wider)[:, :, 40:], ZSCORE(values))


def test_percentiles_are_the_ends_of_the_range() -> None:
    values = np.arange(201, dtype=np.uint16).reshape(1, 1, -1, 1)

    ranged = Intensity("percentile", 10, 90)(values).ravel()

    assert (ranged[:21] == 0).all()
    assert ranged[100] == 127.5
    assert (ranged[180:] == 255).all()


def test_a_few_bright_pixels_on_black_are_seen() -> None:
    values = np.zeros((1, 100, 100, 1), np.uint16)
    values[0, 3, 5] = 3000

    ranged = PERCENTILE(values)

    assert (ranged[0, 3, 5], ranged.sum()) == (255, 255)


@pytest.mark.parametrize(("intensity", "value"), [(ZSCORE, 127.5), (PERCENTILE, 0)])
@pytest.mark.parametrize("constant", [0, 1000])
def test_a_constant_scan_is_no_special_case(
    intensity: Intensity, value: float, constant: int
) -> None:
    assert (intensity(np.full((2, 3, 4, 1), constant, np.int16)) == value).all()


def test_a_scan_of_two_values_keeps_them_apart() -> None:
    values = np.zeros((1, 4, 4, 1), np.uint8)
    values[0, 0] = 7

    assert {*ZSCORE(values).ravel().tolist()} == {127.5, 95.5}


@pytest.mark.parametrize("intensity", KINDS, ids=lambda intensity: intensity.kind)
def test_what_is_not_finite_counts_nowhere(intensity: Intensity) -> None:
    values = scan()
    holes = values.copy()
    holes[:, :, 0], holes[:, :, 1], holes[:, :, 2] = np.nan, np.inf, -np.inf

    ranged = intensity(holes)

    assert np.isfinite(ranged).all()
    assert (ranged[:, :, :3] == 0).all()
    if intensity is not PERCENTILE:  # which counts the air, too
        np.testing.assert_array_equal(ranged[:, :, 3:], intensity(values)[:, :, 3:])
    assert np.isfinite(intensity(np.full((1, 2, 2, 1), np.nan))).all()


def test_each_channel_is_a_scan_of_its_own() -> None:
    values = scan(shape=(2, 20, 30, 3)) * [1, 10, 100]

    together = ZSCORE(values)

    for channel in range(3):
        alone = ZSCORE(values[..., channel : channel + 1])
        np.testing.assert_array_equal(together[..., channel], alone[..., 0])


def test_large_values_close_together_are_told_apart() -> None:
    values = 1e9 + np.arange(256, dtype=np.float64).reshape(1, 16, 16, 1)

    ranged = Intensity("window", 1e9, 1e9 + 255)(values)

    np.testing.assert_array_equal(ranged.ravel(), np.arange(256))


def test_pictures_are_left_as_they_are() -> None:
    none = Intensity("none")

    np.testing.assert_array_equal(
        none(np.array([0, 7, 255], np.uint8).reshape(1, 1, 3, 1)).ravel(), [0, 7, 255]
    )
    np.testing.assert_array_equal(
        none(np.array([0, 257, 65535], np.uint16).reshape(1, 1, 3, 1)).ravel(), [0, 1, 255]
    )


def test_scans_are_never_left_as_they_are() -> None:
    with pytest.raises(ValueError, match=r"float32 numbers from 0\.0 to .*set intensity to"):
        Intensity("none")(scan())


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (("window", 3, 3), r"window \[3, 3\] must be \[low, high\]"),
        (("percentile", 1, 101), r"percentiles \[1, 101\] must be between 0 and 100"),
        (("log", 0, 1), r"'log' is none of window, zscore"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rule: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Intensity(*rule)


@pytest.mark.parametrize("intensity", KINDS, ids=lambda intensity: intensity.kind)
def test_rules_survive_json(intensity: Intensity) -> None:
    saved = json.loads(json.dumps(intensity.to_dict()))

    assert Intensity.from_dict(saved) == intensity
    with pytest.raises(ValueError, match="expected Intensity with kind, low, high"):
        Intensity.from_dict({"kind": "zscore"})
