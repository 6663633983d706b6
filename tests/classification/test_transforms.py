"""The settings decide which changes are made, in which order."""

from classification.data_config import FrameConfig, ImageAugmentConfig, RandAugmentConfig
from classification.erasing import RandomErasing
from classification.framing import MiddleCrop, PadAndCrop, RandomResizedCrop, Stretch
from classification.rand_augment import RandAugment
from classification.transforms import eval_transform, train_transform
from lumbar.data.albumentations import Albumentations
from lumbar.data.colour import ColourJitter
from lumbar.data.geometry import HorizontalFlip, VerticalFlip
from lumbar.data.interpolation import by_pillow
from lumbar.data.transforms import Chain


def kinds(frame: FrameConfig, augment: ImageAugmentConfig) -> list[type]:
    chain = train_transform(frame, augment)
    assert isinstance(chain, Chain)
    return [type(link) for link in chain.links]


def test_all_changes_have_their_place() -> None:
    everything = ImageAugmentConfig(
        vertical_flip=0.5,
        rand_augment=RandAugmentConfig(layers=2),
        colour_jitter=0.4,
        erase=0.25,
        albumentations=({"name": "RandomGamma"},),
    )

    assert kinds(FrameConfig(), everything) == [
        *(Albumentations, RandomResizedCrop, HorizontalFlip, VerticalFlip),
        *(RandAugment, ColourJitter, RandomErasing),
    ]
    assert kinds(FrameConfig(train="whole"), ImageAugmentConfig(flip=0.0)) == [Stretch]


def test_frames_have_the_sizes_of_the_settings() -> None:
    frame = FrameConfig(train="pad_crop", size=32, pad=2, test_resize=40, test_size=36, rule="pil")

    chain = train_transform(frame, ImageAugmentConfig())
    assert isinstance(chain, Chain)
    assert chain.links[0] == PadAndCrop(size=32, pad=2, interpolate=by_pillow)
    assert eval_transform(frame) == MiddleCrop(short=40, size=36, interpolate=by_pillow)
