"""Laws of batches: padding changes nothing inside, one sample stays what it is, empties are fine."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info

from lumbar.data.collate import Frame, collate, collate_masks, target_bucket
from lumbar.data.loader import start_worker
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample
from lumbar.data.sizes import Size
from lumbar.ops.structures import Batch, MaskBatch

Paint = Callable[..., Sample]


def join(*samples: Sample, buckets: Sequence[tuple[int, int]] = ()) -> Batch:
    return collate(list(samples), multiple=32, canvas_buckets=buckets, target_buckets=(8, 16))


def test_padding_changes_nothing_inside_and_is_zero_outside(paint: Paint) -> None:
    samples = [
        paint((20, 50), (1, 2, 9, 11)),
        paint((40, 30)),
        paint((33, 33), *[(0, 0, 5, 5)] * 9),
    ]
    images = join(*samples).images
    assert images.canvas.shape == (3, 3, 64, 64)
    assert images.canvas.is_contiguous()
    for canvas, size, sample in zip(images.canvas, images.sizes.tolist(), samples, strict=True):
        height, width = size
        assert torch.equal(canvas[:, :height, :width], sample.image)
        assert canvas.sum() == sample.image.sum()


def test_targets_stand_first_and_the_rest_is_zero(paint: Paint) -> None:
    full, empty = paint((20, 30), (1, 2, 9, 11), (3, 4, 8, 9)), paint((20, 30))
    targets = join(full, empty).targets
    assert targets.valid.tolist() == [[True, True] + [False] * 6, [False] * 8]
    assert torch.equal(targets.boxes[0, :2], full.boxes)
    assert torch.equal(targets.labels[0, :2], full.labels)
    assert targets.boxes[~targets.valid].eq(0).all()
    assert targets.labels[~targets.valid].eq(0).all()


def test_batch_of_one_is_the_sample(paint: Paint) -> None:
    sample = replace(paint((32, 64), (1, 2, 9, 11)), original_size=(100, 200), image_id=9, seed=4)
    images, targets, ids = join(sample)
    assert torch.equal(images.canvas[0], sample.image)
    assert images.sizes.tolist() == [[32, 64]]
    assert images.original_sizes.tolist() == [[100, 200]]
    assert targets.seeds.tolist() == [4]
    assert ids.tolist() == [9]
    kinds = [tensor.dtype for tensor in (*images, *targets, ids)]
    long = torch.int64
    assert kinds == [torch.uint8, long, long, torch.float32, long, torch.bool, long, long]


def test_batch_is_its_singles(paint: Paint) -> None:
    samples = [paint((40, 50), (1, 2, 9, 11)), paint((64, 33))]
    batch = join(*samples)
    for place, sample in enumerate(samples):
        single = join(sample)
        assert torch.equal(batch.images.canvas[place], single.images.canvas[0])
        assert torch.equal(batch.targets.boxes[place], single.targets.boxes[0])


def test_one_float_image_makes_the_canvas_float(paint: Paint) -> None:
    whole, half = paint((32, 32), (0, 0, 5, 5)), paint((32, 32))
    half = replace(half, image=half.image.float() + 0.5)
    canvas = join(whole, half).images.canvas
    assert canvas.dtype == torch.float32
    assert torch.equal(canvas[0], whole.image.float())
    assert torch.equal(canvas[1], half.image)


def test_canvas_comes_from_the_buckets(paint: Paint) -> None:
    buckets = ((40, 40), (80, 80))
    assert join(paint((40, 40)), buckets=buckets).images.canvas.shape[2:] == (40, 40)
    assert join(paint((41, 9)), buckets=buckets).images.canvas.shape[2:] == (80, 80)
    beyond = join(paint((81, 9)), paint((9, 41)), buckets=buckets)
    assert beyond.images.canvas.shape[2:] == (96, 64), "it must hold both"


def test_target_buckets_grow_by_multiples_of_the_last() -> None:
    counts = (0, 1, 8, 9, 16, 17, 33)
    assert [target_bucket(count, (8, 16)) for count in counts] == [8, 8, 8, 16, 16, 32, 48]


def join_masks(*samples: Sample, frame: Frame, buckets: Sequence[Size] = ()) -> MaskBatch:
    return collate_masks([*samples], multiple=32, canvas_buckets=buckets, frame=frame)


def test_masks_lie_on_the_canvas_with_their_images(paint: Paint) -> None:
    samples = [paint((20, 50), (1, 2, 9, 11)), paint((40, 30), (0, 0, 30, 40))]

    images, labels, seeds, image_ids = join_masks(*samples, frame="canvas", buckets=[(40, 60)])

    assert images.canvas.shape == (2, 3, 40, 60)
    assert labels.shape == (2, 40, 60)
    assert labels.dtype == torch.uint8
    assert (seeds.tolist(), image_ids.tolist()) == ([11, 11], [7, 7])
    for row, sample in zip(labels, samples, strict=True):
        assert sample.mask is not None
        height, width = sample.mask.shape
        assert torch.equal(row[:height, :width], sample.mask)
        assert (row == IGNORE).sum() == 40 * 60 - height * width


def test_masks_keep_the_sizes_of_their_files(paint: Paint) -> None:
    """Images are resized, and their masks are not."""
    large, small = paint((90, 40), (1, 2, 9, 11)), paint((30, 70))
    samples = [replace(sample, image=sample.image[:, :30, :30]) for sample in (large, small)]

    images, labels, *_ = join_masks(*samples, frame="file")

    assert images.canvas.shape == (2, 3, 32, 32)
    assert labels.shape == (2, 90, 70)
    assert labels[0, :90, :40].equal(large.mask)
    assert (labels[1] != IGNORE).sum() == 30 * 70


def test_masks_of_each_class_are_joined(paint: Paint) -> None:
    mask = torch.ones(5, 20, 30, dtype=torch.uint8)

    labels = join_masks(replace(paint((20, 30)), mask=mask), frame="canvas").labels

    assert labels.shape == (1, 5, 32, 32)
    assert labels[0, :, :20, :30].equal(mask)
    assert (labels == IGNORE).sum() == 5 * (32 * 32 - 20 * 30)


def loaded(
    samples: list[Sample], collate_fn: Callable[[list[Sample]], Tensor], workers: int
) -> Tensor:
    """All samples as one batch, made by a loader process if there are any."""
    loader: DataLoader[Any] = DataLoader(
        samples,
        batch_size=len(samples),
        collate_fn=collate_fn,
        num_workers=workers,
        worker_init_fn=start_worker,
    )
    batch: Tensor
    [batch] = loader
    return batch


def shared_from_the_start(samples: list[Sample]) -> Tensor:
    """Whether the batch lies where other processes can read it before it is handed over; and where that is asked."""
    batch = collate_masks(samples, multiple=32, canvas_buckets=(), frame="canvas")
    tensors = (batch.images.canvas, batch.labels)
    assert [tensor.is_contiguous() for tensor in tensors] == [True, True]
    there = get_worker_info() is not None
    return torch.tensor([there, *(tensor.is_shared() for tensor in tensors)])


def test_loader_processes_share_what_they_fill(paint: Paint) -> None:
    """A copy of each canvas costs as much as to decode its images."""
    samples = [paint((20, 30), (1, 2, 9, 11)), paint((30, 20))]

    for workers in (0, 1):
        found = loaded(samples, shared_from_the_start, workers)
        assert found.tolist() == [workers > 0] * 3


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_what_loader_processes_share_is_as_what_they_do_not(
    dtype: torch.dtype, paint: Paint
) -> None:
    samples = [paint((20, 30), (1, 2, 9, 11)), paint((30, 20))]
    samples = [replace(sample, image=sample.image.to(dtype)) for sample in samples]

    here, there = (loaded(samples, lambda some: join(*some).images.canvas, w) for w in (0, 1))

    assert here.dtype == there.dtype == dtype
    assert torch.equal(here, there)
