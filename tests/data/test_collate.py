"""Laws of batches: padding changes nothing inside, one sample stays what it is, empties are fine."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch

from lumbar.data.collate import collate, target_bucket
from lumbar.data.sample import Sample
from lumbar.ops.structures import Batch

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
    with pytest.raises(ValueError, match="81 x 41"):  # the canvas must hold both
        join(paint((81, 9)), paint((9, 41)), buckets=buckets)


def test_target_buckets_grow_by_multiples_of_the_last() -> None:
    counts = (0, 1, 8, 9, 16, 17, 33)
    assert [target_bucket(count, (8, 16)) for count in counts] == [8, 8, 8, 16, 16, 32, 48]
