"""The way from a decoded image to the network's input, put together from the settings."""

from dataclasses import dataclass

import numpy as np

from lumbar.data.albumentations import Albumentations
from lumbar.data.colour import ColourJitter
from lumbar.data.config import AugmentConfig, ResizeConfig
from lumbar.data.geometry import HorizontalFlip, RandomCrop, Resize, ScaleJitter, VerticalFlip
from lumbar.data.sample import Sample, Transform, item_seed
from lumbar.data.sizes import canvas_of

__all__ = ["Chain", "Sample", "Transform", "build_transform", "canvas_of", "item_seed"]


@dataclass(frozen=True)
class Chain:
    """Transforms one after the other, all drawing from the same generator."""

    links: tuple[Transform, ...]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns the sample as the last transform leaves it."""
        for link in self.links:
            sample = link(sample, rng)
        return sample


def build_transform(resize: ResizeConfig, augment: AugmentConfig | None) -> Transform:
    """Builds the transform of a split.

    In training: albumentations, flips, crop, resizing (or large-scale jitter), colours. Nothing
    random in evaluation.

    Args:
        resize: Sizes and rule.
        augment: Random changes; None in evaluation.

    Raises:
        ValueError: A range that makes no sense, or an albumentations transform that does not exist.
    """
    if augment is None:
        return Resize(resize, (resize.test_short,))
    links: list[Transform] = []
    if augment.albumentations:
        links.append(Albumentations(augment.albumentations))
    if augment.flip:
        links.append(HorizontalFlip(augment.flip))
    if augment.vertical_flip:
        links.append(VerticalFlip(augment.vertical_flip))
    if augment.crop:
        links.append(RandomCrop(_checked("crop", augment.crop, highest=1.0)))
    links.append(_resizing(resize, augment))
    if augment.colour_jitter:
        links.append(ColourJitter(augment.colour_jitter))
    return Chain(tuple(links))


def _resizing(resize: ResizeConfig, augment: AugmentConfig) -> Transform:
    if augment.scale_jitter is None:
        return Resize(resize, resize.short)
    scales = _checked("scale_jitter", augment.scale_jitter, highest=16.0)
    return ScaleJitter(scales, augment.scale_jitter_size)


def _checked(key: str, limits: tuple[float, float], *, highest: float) -> tuple[float, float]:
    if not 0 < limits[0] <= limits[1] <= highest:
        raise ValueError(
            f"data.augment.{key}: {list(limits)} must be [low, high] "
            f"with 0 < low <= high <= {highest:g}"
        )
    return limits
