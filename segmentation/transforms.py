"""The way from a decoded image and its mask to the network's input, put together from the settings."""

from lumbar.data.albumentations import Albumentations
from lumbar.data.colour import ColourJitter
from lumbar.data.geometry import HorizontalFlip, VerticalFlip
from lumbar.data.sample import Transform
from lumbar.data.scale_crop import RandomWindow, Rescale
from lumbar.data.transforms import Chain
from segmentation.data_config import MaskAugmentConfig, MaskResizeConfig


def train_transform(resize: MaskResizeConfig, augment: MaskAugmentConfig) -> Transform:
    """Builds the random transform of training: albumentations, flips, scale, crop, colours.

    Args:
        resize: Size before it is scaled, and rule.
        augment: Random changes.

    Raises:
        ValueError: An albumentations transform that does not exist, or not with these arguments.
    """
    links: list[Transform] = []
    if augment.albumentations:
        links.append(Albumentations(augment.albumentations))
    if augment.flip:
        links.append(HorizontalFlip(augment.flip))
    if augment.vertical_flip:
        links.append(VerticalFlip(augment.vertical_flip))
    links.append(
        Rescale(short=resize.short, long=resize.long, factors=augment.scale, rule=resize.rule)
    )
    if augment.crop:
        links.append(RandomWindow(augment.crop, augment.cat_max_ratio))
    if augment.colour_jitter:
        links.append(ColourJitter(augment.colour_jitter))
    return Chain(tuple(links))


def eval_transform(resize: MaskResizeConfig) -> Rescale:
    """Builds the transform of evaluation and prediction, which follows from the size of an image alone."""
    return Rescale(short=resize.test_short, long=resize.long, rule=resize.rule)
