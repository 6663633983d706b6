"""Random scale and window: masks follow their images, and no class fills a window where another place is found."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample
from lumbar.data.scale_crop import RandomWindow, Rescale
from lumbar.data.sizes import Size

Paint = Callable[..., Sample]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def size_of(sample: Sample) -> tuple[int, ...]:
    assert sample.mask is not None
    assert sample.mask.shape[-2:] == sample.image.shape[1:]
    return tuple(sample.image.shape[1:])


@pytest.mark.parametrize(
    ("transform", "size"),
    [
        (Rescale(short=30, long=None), (30, 40)),
        (Rescale(short=30, long=20), (15, 20)),
        (Rescale(short=None, long=None), (60, 80)),
        (Rescale(short=None, long=40), (30, 40)),
        (Rescale(short=None, long=90), (60, 80)),
        (Rescale(short=30, long=None, factors=(0.5, 0.5)), (15, 20)),
        (Rescale(short=30, long=20, factors=(2.0, 2.0)), (30, 40)),
        (Rescale(short=None, long=None, factors=(2.0, 2.0)), (120, 160)),
    ],
)
def test_sizes_are_fitted_and_scaled(transform: Rescale, size: Size, paint: Paint) -> None:
    assert size_of(transform(paint((60, 80), (20, 10, 60, 50)), rng())) == size


@pytest.mark.parametrize("rule", ["antialias", "torchvision", "pil", "opencv"])
def test_the_mask_follows_and_has_no_new_values(rule: str, paint: Paint) -> None:
    sample = paint((60, 80), (22, 11, 61, 47))

    changed = Rescale(short=33, long=None, rule=rule)(sample, rng())

    assert changed.mask is not None
    assert changed.mask.dtype == torch.uint8
    assert changed.mask.unique().tolist() == [0, 1]
    bright = changed.image[0].float() > 127
    assert (bright != (changed.mask == 1)).float().mean() < 0.03
    masks = torch.stack((sample.mask, 1 - sample.mask))
    both = Rescale(short=33, long=None, rule=rule)(replace(sample, mask=masks), rng()).mask
    assert both is not None
    assert both[0].equal(changed.mask)


def test_an_image_of_the_right_size_is_not_touched(paint: Paint) -> None:
    sample = paint((60, 80))

    assert Rescale(short=60, long=80, rule="torchvision")(sample, rng()) is sample


def test_factors_fill_their_range(paint: Paint) -> None:
    transform, sample = Rescale(short=40, long=None, factors=(0.5, 2.0)), paint((40, 40))

    edges = [size_of(transform(sample, rng(seed)))[0] for seed in range(60)]

    assert 20 <= min(edges) < 26
    assert 70 < max(edges) <= 80


@settings(max_examples=40)
@given(
    st.tuples(*[st.integers(1, 50)] * 2), st.tuples(*[st.integers(1, 50)] * 2), st.integers(0, 99)
)
def test_a_window_is_a_piece_of_image_and_mask(size: Size, window: Size, seed: int) -> None:
    numbers = torch.arange(size[0] * size[1]).reshape(size)
    sample = Sample(
        image=numbers.float()[None],
        boxes=torch.zeros(0, 4),
        labels=torch.zeros(0, dtype=torch.int64),
        original_size=size,
        image_id=1,
        seed=1,
        mask=(numbers % 251).to(torch.uint8),
    )

    cut = RandomWindow(window)(sample, rng(seed))

    height, width = min(size[0], window[0]), min(size[1], window[1])
    assert size_of(cut) == (height, width)
    top, left = divmod(int(cut.image[0, 0, 0]), size[1])
    assert cut.image[0].equal(numbers[top : top + height, left : left + width].float())
    assert cut.mask is not None
    assert cut.mask.equal((cut.image[0] % 251).to(torch.uint8))


def test_windows_are_anywhere(paint: Paint) -> None:
    sample = paint((8, 8))
    sample.image = torch.arange(64.0).reshape(1, 8, 8)

    corners = {RandomWindow((7, 6))(sample, rng(seed)).image[0, 0, 0].item() for seed in range(40)}

    assert corners == {0, 1, 2, 8, 9, 10}


def test_a_class_that_fills_the_window_is_avoided(paint: Paint) -> None:
    """An object in a corner, and the rest background."""
    sample = paint((100, 100), (60, 60, 100, 100))

    def share(ratio: float, seed: int) -> float:
        mask = RandomWindow((20, 20), ratio)(sample, rng(seed)).mask
        assert mask is not None
        return float((mask == 0).float().mean())

    free, careful = ([share(ratio, seed) for seed in range(60)] for ratio in (1.0, 0.9))
    mixed = [0.11 < one < 0.89 for one in free]
    assert 0 < sum(mixed) < 25
    assert sum(0.11 < one < 0.89 for one in careful) > 40
    assert all(two == one for one, two, good in zip(free, careful, mixed, strict=True) if good)


def test_ignored_pixels_are_no_class(paint: Paint) -> None:
    """The first window is taken where it has two classes, however many pixels are ignored; a single class never is."""
    sample = paint((40, 40), (0, 0, 40, 20))
    assert sample.mask is not None
    sample.mask[:, 4:] = IGNORE
    first = RandomWindow((39, 39))(sample, rng(3))
    assert RandomWindow((39, 39), 0.6)(sample, rng(3)).mask.equal(first.mask)

    sample.mask[sample.mask == 1] = 0
    generator = rng(3)
    RandomWindow((39, 39), 0.6)(sample, generator)
    spent = rng(3)
    [spent.integers(2) for _ in range(2 * 11)]
    assert generator.integers(1000) == spent.integers(1000)
