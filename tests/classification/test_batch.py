"""A batch holds what its samples hold, in their order."""

from dataclasses import replace

import torch

from classification.batch import collate_labels
from tests.classification.made_up import make_sample


def test_samples_are_stacked() -> None:
    samples = [
        replace(make_sample(6, 6, seed=seed), labels=torch.tensor([seed % 2])) for seed in (3, 8)
    ]

    images, targets, image_ids = collate_labels(samples, multiple=4)

    assert images.canvas.shape == (2, 3, 8, 8)
    assert torch.equal(images.canvas[1, :, :6, :6], samples[1].image)
    assert images.sizes.tolist() == [[6, 6], [6, 6]]
    assert targets.labels.tolist() == [1, 0]
    assert targets.seeds.tolist() == image_ids.tolist() == [3, 8]
