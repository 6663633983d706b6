"""The way from a decoded image to the network's input, put together from the settings."""

from classification.data_config import FrameConfig, ImageAugmentConfig
from classification.erasing import RandomErasing
from classification.framing import MiddleCrop, PadAndCrop, RandomResizedCrop, Stretch
from classification.rand_augment import RandAugment
from lumbar.data.albumentations import Albumentations
from lumbar.data.colour import ColourJitter
from lumbar.data.geometry import HorizontalFlip, VerticalFlip
from lumbar.data.interpolation import INTERPOLATIONS
from lumbar.data.sample import Transform
from lumbar.data.transforms import Chain


def train_transform(frame: FrameConfig, augment: ImageAugmentConfig) -> Transform:
    """Builds the random transform of training: albumentations, frame, flips, RandAugment, colours, erasing.

    Args:
        frame: Part and size.
        augment: Random changes.

    Raises:
        ValueError: An albumentations transform that does not exist, or not with these arguments.
    """
    links: list[Transform] = []
    if augment.albumentations:
        links.append(Albumentations(augment.albumentations))
    links.append(_frame(frame))
    if augment.flip:
        links.append(HorizontalFlip(augment.flip))
    if augment.vertical_flip:
        links.append(VerticalFlip(augment.vertical_flip))
    if augment.rand_augment.layers:
        links.append(RandAugment(augment.rand_augment))
    if augment.colour_jitter:
        links.append(ColourJitter(augment.colour_jitter))
    if augment.erase:
        links.append(RandomErasing(augment.erase))
    return Chain(tuple(links))


def eval_transform(frame: FrameConfig) -> MiddleCrop:
    """Builds the transform of evaluation and prediction, in which nothing is random."""
    return MiddleCrop(
        short=frame.test_resize, size=frame.test_size, interpolate=INTERPOLATIONS[frame.rule]
    )


def _frame(frame: FrameConfig) -> Transform:
    interpolate = INTERPOLATIONS[frame.rule]
    if frame.train == "resized_crop":
        return RandomResizedCrop(
            size=frame.size, area=frame.area, aspect=frame.aspect, interpolate=interpolate
        )
    if frame.train == "pad_crop":
        return PadAndCrop(size=frame.size, pad=frame.pad, interpolate=interpolate)
    return Stretch(frame.size, interpolate)
