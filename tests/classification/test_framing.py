"""Frames are windows of the image: the same pixels, in the place and the size that the settings allow."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import CenterCrop, Compose
from torchvision.transforms.v2 import Resize as TorchvisionResize

from classification.framing import MiddleCrop, PadAndCrop, RandomResizedCrop, Stretch
from lumbar.data.interpolation import antialiased
from lumbar.data.sizes import Size
from tests.classification.made_up import make_sample

EDGES = st.integers(1, 40)


class Windows:
    """Remembers the sizes of what is resized."""

    def __init__(self) -> None:
        self.sizes: list[Size] = []

    def __call__(self, image: torch.Tensor, size: Size) -> torch.Tensor:
        self.sizes.append((image.shape[1], image.shape[2]))
        return antialiased(image, size)


@settings(max_examples=60)
@given(EDGES, EDGES, st.integers(0, 1000))
def test_windows_have_an_allowed_area_and_shape(height: int, width: int, seed: int) -> None:
    windows = Windows()
    crop = RandomResizedCrop(size=8, area=(0.2, 0.9), aspect=(0.5, 2.0), interpolate=windows)

    framed = crop(make_sample(height, width), np.random.default_rng(seed))

    [(rows, columns)] = windows.sizes
    assert framed.image.shape == (3, 8, 8)
    assert 1 <= rows <= height
    assert 1 <= columns <= width
    # Rounding to whole pixels moves either edge by half a pixel at most.
    assert (columns - 0.5) / (rows + 0.5) <= 2.0
    assert (columns + 0.5) / (rows - 0.5) >= 0.5 or columns == 1


def test_windows_are_spread_over_the_image_and_over_sizes() -> None:
    sample, windows = make_sample(60, 80), Windows()
    crop = RandomResizedCrop(size=8, area=(0.1, 1.0), aspect=(0.75, 4 / 3), interpolate=windows)
    rng = np.random.default_rng(0)
    for _ in range(400):
        crop(sample, rng)

    shares = np.array([rows * columns / 4800 for rows, columns in windows.sizes])
    logs = np.log([columns / rows for rows, columns in windows.sizes])
    assert 0.4 < shares.mean() < 0.55
    assert abs(logs.mean()) < 0.04
    assert np.abs(logs).max() < math.log(4 / 3) + 0.05


def test_an_image_of_no_allowed_shape_gives_its_middle() -> None:
    windows = Windows()
    crop = RandomResizedCrop(size=4, area=(0.9, 1.0), aspect=(1.0, 1.0), interpolate=windows)

    crop(make_sample(40, 10), np.random.default_rng(0))

    assert windows.sizes == [(10, 10)]


@given(st.integers(0, 500))
def test_pad_and_crop_shifts_by_a_few_pixels(seed: int) -> None:
    sample = make_sample(16, 16)
    shift = PadAndCrop(size=16, pad=4, interpolate=antialiased)

    image = shift(sample, np.random.default_rng(seed)).image

    wide = torch.nn.functional.pad(sample.image, (4, 4, 4, 4))
    found = [
        (top, left)
        for top in range(9)
        for left in range(9)
        if torch.equal(wide[:, top : top + 16, left : left + 16], image)
    ]
    assert len(found) == 1


def test_all_shifts_occur() -> None:
    sample, rng = make_sample(4, 4), np.random.default_rng(0)
    shift = PadAndCrop(size=4, pad=1, interpolate=antialiased)

    assert len({shift(sample, rng).image.numpy().tobytes() for _ in range(100)}) == 9


def test_a_square_of_the_right_size_stays_as_it_is() -> None:
    sample, rng = make_sample(12, 12), np.random.default_rng(0)

    assert Stretch(12, antialiased)(sample, rng) is sample
    assert Stretch(7, antialiased)(sample, rng).image.shape == (3, 7, 7)
    same = MiddleCrop(short=12, size=12, interpolate=antialiased)(sample, rng)
    assert torch.equal(same.image, sample.image)


@pytest.mark.parametrize("size", [(40, 60), (61, 37), (32, 32), (33, 50)])
def test_the_middle_is_that_of_torchvision(size: Size) -> None:
    sample = make_sample(*size)
    theirs = Compose([TorchvisionResize(32, antialias=True), CenterCrop(24)])

    ours = MiddleCrop(short=32, size=24, interpolate=antialiased)(sample, np.random.default_rng(0))

    assert torch.equal(ours.image, theirs(sample.image))
