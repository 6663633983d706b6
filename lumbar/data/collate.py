"""From samples to a batch: images on a common canvas, boxes padded to a common number."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import get_worker_info

from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample
from lumbar.data.sizes import Size, padded_size
from lumbar.ops.structures import Batch, Images, MaskBatch, Targets

Frame = Literal["canvas", "file"]
"""What the pixels of a mask are: those of the image on its canvas, or those of the file."""


def target_bucket(count: int, buckets: Sequence[int]) -> int:
    """Finds the first bucket that holds so many boxes; beyond the last one, its next multiple."""
    last = buckets[-1]
    return next((bucket for bucket in buckets if bucket >= count), -(-count // last) * last)


def collate(
    samples: list[Sample],
    *,
    multiple: int,
    canvas_buckets: Sequence[Size],
    target_buckets: Sequence[int],
) -> Batch:
    """Makes a batch; the canvas is uint8 where all images are, float32 otherwise.

    Args:
        samples: Of one number of channels, sizes may differ.
        multiple: Canvas height and width are multiples of this.
        canvas_buckets: Canvases (height, width), smallest first; images that none holds get the next multiples.
        target_buckets: Numbers of boxes that targets are padded to, smallest first.
    """
    count = target_bucket(max(len(sample.boxes) for sample in samples), target_buckets)
    targets = Targets(
        boxes=_stack([sample.boxes for sample in samples], count),
        labels=_stack([sample.labels for sample in samples], count),
        valid=_stack(
            [torch.ones_like(sample.labels, dtype=torch.bool) for sample in samples], count
        ),
        seeds=torch.tensor([sample.seed for sample in samples]),
    )
    images = place_images(samples, multiple, canvas_buckets)
    return Batch(images, targets, torch.tensor([sample.image_id for sample in samples]))


def collate_masks(
    samples: list[Sample], *, multiple: int, canvas_buckets: Sequence[Size], frame: Frame
) -> MaskBatch:
    """Makes a batch of images with masks, whose canvas is as for `collate`.

    Args:
        samples: Of one number of channels, and of classes where masks have several; sizes may differ.
        multiple: Canvas height and width are multiples of this.
        canvas_buckets: Canvases (height, width), smallest first; images that none holds get the next multiples.
        frame: Whether masks lie on the canvas as their images do, or have the sizes of the files.
    """
    images = place_images(samples, multiple, canvas_buckets)
    masks = [sample.mask for sample in samples if sample.mask is not None]
    assert len(masks) == len(samples), "samples without masks"
    sizes = images.original_sizes.amax(0).tolist() if frame == "file" else images.canvas.shape[-2:]
    labels = _zeros((len(masks), *masks[0].shape[:-2], *sizes), masks[0].dtype).fill_(IGNORE)
    for row, mask in zip(labels, masks, strict=True):
        rows, columns = mask.shape[-2:]
        row[..., :rows, :columns] = mask
    seeds, ids = ([getattr(sample, name) for sample in samples] for name in ("seed", "image_id"))
    return MaskBatch(images, labels, torch.tensor(seeds), torch.tensor(ids))


def place_images(samples: list[Sample], multiple: int, buckets: Sequence[Size]) -> Images:
    """Puts each image into the top left corner of the smallest canvas that holds them all.

    Args:
        samples: Of one number of channels, sizes may differ.
        multiple: Canvas height and width are multiples of this.
        buckets: Canvases (height, width), smallest first; images that none holds get the next multiples.
    """
    sizes = torch.tensor([sample.image.shape[-2:] for sample in samples])
    height, width = sizes.amax(0).tolist()
    dtypes = {sample.image.dtype for sample in samples}
    dtype = torch.uint8 if dtypes == {torch.uint8} else torch.float32
    channels = samples[0].image.shape[0]
    padded = padded_size((height, width), multiple, buckets)
    canvas = _zeros((len(samples), channels, *padded), dtype)
    for row, sample in zip(canvas, samples, strict=True):
        rows, columns = sample.image.shape[-2:]
        row[:, :rows, :columns] = sample.image
    return Images(canvas, sizes, torch.tensor([sample.original_size for sample in samples]))


def _zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Zeros, which a loader process makes where the main process reads them: nothing is copied to hand them over."""
    if get_worker_info() is None:
        return torch.zeros(shape, dtype=dtype)
    # As torch's own collate does it; what the system shares is zero at first.
    size = math.prod(shape) * dtype.itemsize
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(size)  # noqa: SLF001
    return torch.zeros(0, dtype=dtype).set_(storage).view(shape)


def _stack(rows: list[Tensor], count: int) -> Tensor:
    """Fills each (n, ...) tensor with zeros to (count, ...) and stacks them."""
    return torch.stack([pad(row, (0, 0) * (row.ndim - 1) + (0, count - len(row))) for row in rows])
