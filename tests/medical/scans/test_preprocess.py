"""The way to the network: sizes by millimetres and zoom, channels that fit, settings that survive."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess, prepared, working_size
from medical.scans.read import read_volume
from medical.scans.resample import resize
from tests.medical.scans.made_up import of_pixels, settings, volume


@pytest.mark.parametrize(
    ("spacing", "zoom", "size"),
    [(None, 1.0, (60, 40)), (1.0, 1.0, (30, 40)), (2.0, 1.0, (15, 20)), (0.5, 1.5, (90, 120))],
)
def test_slices_are_brought_to_their_spacing_then_enlarged(
    spacing: float | None, zoom: float, size: tuple[int, int]
) -> None:
    scan = volume(3, 60, 40, 1, spacing=(5.0, 0.5, 1.0))
    preprocess = settings(spacing=spacing, zoom=zoom)

    assert working_size(scan.pixels.shape, scan.geometry, preprocess) == size
    assert prepared(scan, preprocess).shape == (3, *size, 1)


def test_pictures_have_no_millimetres() -> None:
    picture = volume(1, 60, 40, 3)

    assert working_size(picture.pixels.shape, None, settings(spacing=0.3, zoom=2.0)) == (120, 80)


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0.01, 1))
def test_no_slice_vanishes(height: int, width: int, zoom: float) -> None:
    assert min(working_size((1, height, width, 1), None, settings(zoom=zoom))) >= 1


def test_intensities_come_first() -> None:
    scan = of_pixels(np.random.default_rng(0).normal(0, 500, (2, 20, 30, 1)), spacing=(1, 1, 1))
    window = Intensity("window", -100, 100)

    expected = resize(window(scan.pixels), (30, 45))
    np.testing.assert_array_equal(prepared(scan, settings(intensity=window, zoom=1.5)), expected)


def test_grey_pictures_and_colour_pictures_become_each_other() -> None:
    grey = volume(1, 8, 9, 1)
    coloured = of_pixels(grey.pixels.repeat(3, -1))

    np.testing.assert_array_equal(
        prepared(grey, settings(channels=3)), prepared(coloured, settings(channels=3))
    )
    np.testing.assert_allclose(
        prepared(coloured, settings(channels=1)), prepared(grey, settings(channels=1)), rtol=1e-5
    )


def test_scans_of_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"made-up: 1 channels, where the network was made for 3"):
        prepared(volume(2, 8, 9, 1, spacing=(1, 1, 1)), settings(channels=3))
    with pytest.raises(ValueError, match="made-up: 2 channels"):
        prepared(volume(1, 8, 9, 2), settings(channels=1))


def test_a_real_scan_comes_into_the_range(shared_data: Path) -> None:
    file = shared_data / "hippocampus" / "images" / "hippocampus_003.nii.gz"
    scan = read_volume([file])
    preprocess = settings(intensity=Intensity("zscore"), spacing=0.5)

    pixels = prepared(scan, preprocess)

    assert pixels.shape[1:3] == (scan.pixels.shape[1] * 2, scan.pixels.shape[2] * 2)
    assert 0 <= pixels.min() < pixels.max() <= 255
    assert pixels[pixels > 0].mean() == pytest.approx(127.5, abs=5)


FULL = settings(
    intensity=Intensity("percentile", 1, 99), plane="axial", spacing=0.7, slices=3, channels=2,
    flips=("horizontal", "both"), tile=(96, 128),
)  # fmt: skip


@pytest.mark.parametrize("preprocess", [settings(), FULL])
def test_settings_survive_json(preprocess: Preprocess) -> None:
    assert Preprocess.from_dict(json.loads(json.dumps(preprocess.to_dict()))) == preprocess


def test_other_settings_are_refused() -> None:
    saved = FULL.to_dict()
    del saved["zoom"]

    with pytest.raises(ValueError, match="expected Preprocess with intensity, plane"):
        Preprocess.from_dict(saved)


def test_channels_of_the_network_are_those_of_all_slices() -> None:
    assert FULL.in_channels == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("slices", 2), ("slices", 0), ("zoom", 0), ("spacing", -1.0), ("overlap", 1.0)),
        *(("tile", (0, 4)), ("flips", ("diagonal",)), ("channels", 0), ("multiple", 0)),
    ],
)
def test_values_out_of_range_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"preprocess: {name} "):
        settings(**{name: value})
