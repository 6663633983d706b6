"""A sample is a function of seed, epoch and image."""

import numpy as np
import torch

from classification.data_config import FrameConfig, ImageAugmentConfig
from classification.dataset import ImageDataset
from classification.labelled import Decoding
from classification.transforms import eval_transform, train_transform
from tests.classification.made_up import labelled

FRAME = FrameConfig(size=8, test_resize=8, test_size=8)


def make_dataset(seed: int = 0) -> ImageDataset:
    images = labelled([0, 2, 1, 1]).at(np.array([3, 1, 0]))
    transform = train_transform(FRAME, ImageAugmentConfig(erase=0.5))
    return ImageDataset(images, transform, seed, decoding=Decoding())


def test_samples_have_image_label_and_id() -> None:
    dataset = make_dataset()

    sample = dataset[0, 1]

    assert len(dataset) == 3
    assert sample.image.shape == (3, 8, 8)
    assert sample.labels.tolist() == [2]
    assert (sample.image_id, sample.original_size) == (1, (12, 10))


def test_chance_follows_from_seed_epoch_and_image() -> None:
    images = {
        (seed, epoch, index): make_dataset(seed)[epoch, index].image.numpy().tobytes()
        for seed in (0, 1)
        for epoch in (0, 1)
        for index in (0, 1)
    }

    assert len({*images.values()}) == 8
    assert torch.equal(make_dataset()[1, 0].image, make_dataset()[1, 0].image)


def test_evaluation_is_the_same_in_each_epoch() -> None:
    images = labelled([0, 1])
    dataset = ImageDataset(images, eval_transform(FRAME), 0, decoding=Decoding(channels=1))

    assert torch.equal(dataset[0, 1].image, dataset[5, 1].image)
    assert dataset[0, 1].image.shape == (1, 8, 8)
