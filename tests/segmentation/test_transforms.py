"""Settings become transforms: of training in their order, of evaluation without chance."""

from dataclasses import replace

import numpy as np
import torch

from lumbar.data.sample import Sample
from segmentation.data_config import MaskAugmentConfig, MaskResizeConfig
from segmentation.transforms import eval_transform, train_transform

PLAIN = MaskAugmentConfig(flip=0.0)


def make_sample() -> Sample:
    pixels = torch.arange(40 * 60, dtype=torch.float32).reshape(1, 40, 60)
    return Sample(
        image=(pixels % 256).to(torch.uint8).expand(3, 40, 60),
        boxes=torch.zeros(0, 4),
        labels=torch.zeros(0, dtype=torch.int64),
        original_size=(40, 60),
        image_id=1,
        seed=1,
        mask=(pixels[0] % 5).to(torch.uint8),
    )


def run(augment: MaskAugmentConfig, seed: int = 0, **resize: object) -> Sample:
    transform = train_transform(MaskResizeConfig().model_copy(update=resize), augment)
    return transform(make_sample(), np.random.default_rng(seed))


def change(**settings: object) -> MaskAugmentConfig:
    return PLAIN.model_copy(update=settings)


def test_without_changes_a_sample_stays() -> None:
    sample = run(PLAIN)

    assert sample.image.equal(make_sample().image)
    assert sample.mask.equal(make_sample().mask)


def test_flips_and_albumentations_move_image_and_mask() -> None:
    plain = make_sample()
    for changes, axis in (
        (change(flip=1.0), -1),
        (change(vertical_flip=1.0), -2),
        (change(albumentations=({"name": "VerticalFlip", "p": 1.0},)), -2),
    ):
        sample = run(changes)
        assert sample.image.equal(plain.image.flip(axis))
        assert sample.mask.equal(plain.mask.flip(axis))


def test_scale_comes_before_the_crop() -> None:
    augment = change(scale=(0.5, 2.0), crop=(30, 30))

    shapes = [tuple(run(augment, seed, short=40).image.shape[1:]) for seed in range(20)]

    assert {height for height, _ in shapes} > {30}
    assert all(20 <= height <= 30 == width or height == width == 30 for height, width in shapes)
    assert run(PLAIN, short=20).image.shape[1:] == (20, 30)
    assert run(PLAIN, long=30).image.shape[1:] == (20, 30)


def test_the_share_of_a_class_reaches_the_crop() -> None:
    """Columns show one class each; windows within one are tried again."""
    sample = make_sample()
    stripes = torch.arange(60).expand(40, 60) // 20
    sample = replace(sample, mask=stripes.to(torch.uint8))
    transform = train_transform(MaskResizeConfig(), change(crop=(10, 10), cat_max_ratio=0.95))

    seen = [
        transform(sample, np.random.default_rng(seed)).mask.unique().numel() for seed in range(30)
    ]

    assert seen.count(2) > 25


def test_colours_change_images_alone() -> None:
    sample = run(change(colour_jitter=0.5))

    assert not sample.image.equal(make_sample().image)
    assert sample.mask.equal(make_sample().mask)


def test_evaluation_follows_from_the_size_alone() -> None:
    settings = {"short": 10, "test_short": 20, "long": 24, "rule": "pil"}
    transform = eval_transform(MaskResizeConfig().model_copy(update=settings))

    assert transform(make_sample(), np.random.default_rng()).image.shape[1:] == (16, 24)
    assert transform.size((40, 60)) == (16, 24)
    assert transform.rule == "pil"
    assert eval_transform(MaskResizeConfig()).size((41, 67)) == (41, 67)
