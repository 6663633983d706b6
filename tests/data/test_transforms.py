"""The pipeline of a split: order, options and determinism."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lumbar.data.config import AugmentConfig, ResizeConfig
from lumbar.data.transforms import Chain, Sample, build_transform, canvas_of

Paint = Callable[..., Sample]
RESIZE = ResizeConfig(short=(40, 56), test_short=48, long=100)


def names(augment: AugmentConfig) -> list[str]:
    chain = build_transform(RESIZE, augment)
    assert isinstance(chain, Chain)
    return [type(link).__name__ for link in chain.links]


def test_evaluation_draws_nothing_and_meets_its_canvas(paint: Paint) -> None:
    sample = paint((60, 90), (10, 10, 30, 40))
    transform = build_transform(RESIZE, None)
    first, second = (transform(sample, np.random.default_rng(seed)) for seed in (0, 1))
    assert torch.equal(first.image, second.image)
    assert first.image.shape[1:] == canvas_of((60, 90), RESIZE, 1, ())
    assert first.original_size == (60, 90)


def test_links_come_in_the_promised_order() -> None:
    everything = AugmentConfig(
        flip=0.5,
        vertical_flip=0.5,
        crop=(0.5, 1.0),
        colour_jitter=0.3,
        albumentations=({"name": "Blur"},),
    )
    flips = ["Albumentations", "HorizontalFlip", "VerticalFlip", "RandomCrop"]
    assert names(everything) == [*flips, "Resize", "ColourJitter"]
    jitter = everything.model_copy(update={"scale_jitter": (0.1, 2.0)})
    assert names(jitter) == [*flips, "ScaleJitter", "ColourJitter"]
    assert names(AugmentConfig(flip=0.0)) == ["Resize"]


@pytest.mark.parametrize("rule", ["antialias", "torchvision"])
def test_the_seed_decides_everything(rule: str, paint: Paint) -> None:
    augment = AugmentConfig(
        vertical_flip=0.5,
        crop=(0.5, 1.0),
        colour_jitter=0.3,
        albumentations=({"name": "GaussNoise", "p": 0.5},),
    )
    transform = build_transform(RESIZE.model_copy(update={"rule": rule}), augment)
    sample = paint((60, 90), (10, 10, 30, 40), (50, 20, 80, 50))
    runs = [
        [transform(sample, np.random.default_rng(seed)) for seed in order]
        for order in ([0, 1, 2, 3], [3, 2, 1, 0])
    ]
    for first, second in zip(runs[0], reversed(runs[1]), strict=True):
        assert torch.equal(first.image, second.image)
        assert torch.equal(first.boxes, second.boxes)
        assert 1 <= len(first.boxes) == len(first.labels)
    assert len({one.image.float().sum().item() for one in runs[0]}) == 4


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"crop": (0.9, 0.5)}, "crop"),
        ({"crop": (0.5, 1.5)}, "crop"),
        ({"scale_jitter": (0.0, 2.0)}, "scale_jitter"),
    ],
)
def test_senseless_ranges_are_refused(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=rf"data\.augment\.{key}: \[.*\] must be \[low, high\]"):
        build_transform(RESIZE, AugmentConfig(**wrong))
