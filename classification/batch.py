"""The nouns between loader and network: labelled images as a batch."""

from typing import NamedTuple

import torch
from torch import Tensor

from lumbar.data.collate import place_images
from lumbar.data.sample import Sample
from lumbar.ops.structures import Images


class LabelTargets(NamedTuple):
    """Ground truth for a batch."""

    labels: Tensor
    """(B,) int64 class in 0..K-1."""
    seeds: Tensor
    """(B,) int64 in [0, 2**31): what the model draws for this image in this epoch follows from it alone."""


class LabelBatch(NamedTuple):
    """What the loader yields."""

    images: Images
    targets: LabelTargets
    image_ids: Tensor
    """(B,) int64: ids that differ between all images of a split."""


def collate_labels(samples: list[Sample], *, multiple: int) -> LabelBatch:
    """Makes a batch.

    Args:
        samples: Of one number of channels, each with one label.
        multiple: Canvas height and width are multiples of this.
    """
    targets = LabelTargets(
        labels=torch.cat([sample.labels for sample in samples]),
        seeds=torch.tensor([sample.seed for sample in samples]),
    )
    ids = torch.tensor([sample.image_id for sample in samples])
    return LabelBatch(place_images(samples, multiple, ()), targets, ids)
