"""Laws of moving pixels: boxes and masks follow them, flips undo themselves, seeds decide."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from lumbar.data.config import ResizeConfig
from lumbar.data.geometry import (
    GREY,
    HorizontalFlip,
    RandomCrop,
    Resize,
    ScaleJitter,
    VerticalFlip,
)
from lumbar.data.interpolation import INTERPOLATIONS
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample, Transform
from lumbar.data.sizes import resized_size

Paint = Callable[..., Sample]
SMALL = ResizeConfig(short=(40, 90), long=120)
TRANSFORMS: list[Transform] = [
    HorizontalFlip(1.0),
    VerticalFlip(1.0),
    Resize(SMALL, SMALL.short),
    Resize(SMALL.model_copy(update={"rule": "torchvision"}), (90,)),
    RandomCrop((0.4, 0.9)),
    ScaleJitter((0.5, 2.0), 64),
]
each_transform = pytest.mark.parametrize(
    "transform", TRANSFORMS, ids=lambda transform: type(transform).__name__
)


def find(pixels: Tensor) -> Tensor:
    """The tight box around the true pixels of (H, W)."""
    rows, columns = pixels.nonzero().unbind(1)
    return torch.stack((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)).float()


@each_transform
@pytest.mark.parametrize("seed", range(5))
def test_boxes_and_mask_follow_the_pixels(transform: Transform, seed: int, paint: Paint) -> None:
    sample = transform(paint((60, 80), (22, 11, 61, 47)), np.random.default_rng(seed))
    assert sample.mask is not None
    seen = find(sample.image[0] > 140)  # above the grey of padding
    tolerance = 0.0 if isinstance(transform, HorizontalFlip | VerticalFlip | RandomCrop) else 1.0
    assert (seen - sample.boxes[0]).abs().max() <= tolerance
    assert (find(sample.mask == 1) - seen).abs().max() <= tolerance
    assert sample.mask.shape == sample.image.shape[1:]
    assert sample.labels.tolist() == [0]


@each_transform
def test_one_seed_gives_one_result_and_leaves_the_input(transform: Transform, paint: Paint) -> None:
    sample = paint((60, 80), (22, 11, 61, 47), (1, 2, 5, 9))
    before = replace(sample, image=sample.image.clone(), boxes=sample.boxes.clone())
    first, second = (transform(sample, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.boxes, second.boxes)
    assert torch.equal(sample.image, before.image)
    assert torch.equal(sample.boxes, before.boxes)


@each_transform
def test_images_without_boxes_or_mask_pass(transform: Transform, paint: Paint) -> None:
    sample = transform(replace(paint((60, 80)), mask=None), np.random.default_rng(0))
    assert sample.boxes.shape == (0, 4)
    assert sample.labels.shape == (0,)
    assert sample.mask is None


@given(st.integers(0, 30), st.integers(0, 20), st.integers(1, 30), st.integers(1, 20))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_flipping_twice_is_identity(paint: Paint, x: int, y: int, width: int, height: int) -> None:
    sample = paint((40, 60), (x, y, x + width, y + height))
    for flip in (HorizontalFlip(1.0), VerticalFlip(1.0)):
        twice = flip(flip(sample, np.random.default_rng(0)), np.random.default_rng(0))
        assert torch.equal(twice.image, sample.image)
        assert torch.equal(twice.boxes, sample.boxes)


def test_flips_happen_as_often_as_asked(paint: Paint) -> None:
    sample, rng = paint((8, 8), (0, 0, 2, 3)), np.random.default_rng(0)
    for flip in (HorizontalFlip(0.25), VerticalFlip(0.25)):
        flipped = [flip(sample, rng) is not sample for _ in range(1000)]
        assert 200 < sum(flipped) < 300  # 250 +- 14


@pytest.mark.parametrize("size", [(60, 80), (33, 71), (97, 31), (64, 64)])
def test_torchvision_rule_is_torchvision_to_the_last_bit(
    size: tuple[int, int], paint: Paint
) -> None:
    sample = replace(
        paint(size, (3, 5, 20, 17)), image=torch.randint(256, (3, *size), dtype=torch.uint8)
    )
    theirs = GeneralizedRCNNTransform(48, 100, [0.0] * 3, [1.0] * 3, size_divisible=1).eval()
    images, targets = theirs([sample.image.float()], [{"boxes": sample.boxes}])
    ours = Resize(ResizeConfig(long=100, rule="torchvision"), (48,))(
        sample, np.random.default_rng(0)
    )
    assert targets is not None
    assert torch.equal(ours.image, images.tensors[0])
    assert torch.equal(ours.boxes, targets[0]["boxes"])


@pytest.mark.parametrize("rule", INTERPOLATIONS)
def test_the_rule_decides_size_and_pixels(rule: Literal["pil"], paint: Paint) -> None:
    resize = ResizeConfig(long=67, rule=rule)
    sample = replace(
        paint((38, 76), (4, 6, 40, 30)), image=torch.randint(256, (3, 38, 76), dtype=torch.uint8)
    )

    resized = Resize(resize, (60,))(sample, np.random.default_rng(0))

    size = resized_size((38, 76), resize, 60)
    assert torch.equal(resized.image, INTERPOLATIONS[rule](sample.image, size))
    assert resized.mask is not None
    assert resized.mask.shape == size
    ratios = torch.tensor(size[::-1] * 2) / torch.tensor((76, 38) * 2)
    assert torch.equal(resized.boxes, sample.boxes * ratios)


def test_short_edges_are_drawn_evenly(paint: Paint) -> None:
    resize, rng = Resize(ResizeConfig(long=100), (10, 20, 30)), np.random.default_rng(0)
    drawn = [resize(paint((12, 24)), rng).image.shape[1] for _ in range(300)]
    assert all(70 < drawn.count(short) < 130 for short in (10, 20, 30))


@pytest.mark.parametrize("seed", range(20))
def test_crop_keeps_an_object_and_only_centred_ones(seed: int, paint: Paint) -> None:
    sample = paint((50, 70), (0, 0, 6, 8), (60, 40, 70, 50), (20, 10, 50, 40))
    cropped = RandomCrop((0.2, 0.6))(sample, np.random.default_rng(seed))
    assert cropped.mask is not None
    assert len(cropped.boxes) >= 1
    for box, label in zip(cropped.boxes, cropped.labels.tolist(), strict=True):
        assert torch.equal(box, find(cropped.mask == label + 1))
        original = sample.boxes[label]
        assert ((box[2:] - box[:2]) >= (original[2:] - original[:2]).clamp(max=7) / 2 - 1).all()
    height, width = cropped.image.shape[1:]
    assert 10 <= height <= 30
    assert 14 <= width <= 42


def test_crop_may_be_the_whole_image(paint: Paint) -> None:
    sample = paint((50, 70), (0, 0, 6, 8), (60, 40, 70, 50))
    assert torch.equal(RandomCrop((1.0, 1.0))(sample, np.random.default_rng(0)).boxes, sample.boxes)


@pytest.mark.parametrize("seed", range(5))
def test_scale_jitter_always_fills_its_square(seed: int, paint: Paint) -> None:
    jitter = ScaleJitter((0.1, 2.0), 64)
    sample = jitter(paint((30, 90), (10, 5, 80, 25)), np.random.default_rng(seed))
    assert sample.image.shape == (3, 64, 64)
    assert sample.image.dtype == torch.uint8


def test_scale_jitter_pads_with_grey_and_ignores_the_padding(paint: Paint) -> None:
    sample = ScaleJitter((0.5, 0.5), 64)(paint((60, 60)), np.random.default_rng(0))
    assert sample.mask is not None
    assert (sample.image[:, :32, :32] == 0).all()
    assert (sample.image[:, 32:] == GREY).all()
    assert (sample.image[:, :, 32:] == GREY).all()
    assert (sample.mask == IGNORE).sum() == 64 * 64 - 32 * 32


def test_scale_one_fits_the_image_into_the_square(paint: Paint) -> None:
    sample = ScaleJitter((1.0, 1.0), 64)(paint((40, 80), (0, 0, 80, 40)), np.random.default_rng(0))
    assert sample.boxes.tolist() == [[0, 0, 64, 32]]


def test_scale_jitter_cuts_at_different_places(paint: Paint) -> None:
    sample, rng = paint((64, 64), (30, 30, 34, 34)), np.random.default_rng(0)
    starts = torch.cat([ScaleJitter((1.5, 1.5), 64)(sample, rng).boxes[:, :2] for _ in range(20)])
    assert (starts.amax(0) - starts.amin(0) > 16).all()  # of 32


def test_shrinking_averages_pixels(paint: Paint) -> None:
    striped = paint((64, 64))
    striped.image[..., ::4] = 240
    small = Resize(ResizeConfig(long=16), (16,))(striped, np.random.default_rng(0))
    assert (small.image.float() - 60).abs().max() < 20


def test_resizing_a_mask_commutes_with_flipping(paint: Paint) -> None:
    sample, rng = paint((18, 30), (1, 4, 14, 11)), np.random.default_rng(0)
    third, flip = Resize(ResizeConfig(long=10), (6,)), HorizontalFlip(1.0)
    first, second = flip(third(sample, rng), rng).mask, third(flip(sample, rng), rng).mask
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)
