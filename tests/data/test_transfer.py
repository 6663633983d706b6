"""Batches arrive as they were, and beside what the device computes."""

import pytest
import torch

from lumbar.data.collate import collate
from lumbar.data.transfer import _copying_stream, to_device
from lumbar.ops.structures import Batch
from tests.data.conftest import Paint


def make(paint: Paint) -> Batch:
    sample = paint((600, 1000), (1, 2, 9, 11))
    return collate([sample] * 4, multiple=32, canvas_buckets=(), target_buckets=(8,))


def leaves(batch: Batch) -> list[torch.Tensor]:
    return [*batch.images, *batch.targets, batch.image_ids]


def test_where_a_batch_is_already_it_is_not_copied(paint: Paint) -> None:
    batch = make(paint)

    moved = to_device(batch, torch.device("cpu"))

    assert (type(moved), type(moved.targets)) == (Batch, type(batch.targets))
    assert all(one is other for one, other in zip(leaves(moved), leaves(batch), strict=True))


def test_every_tensor_goes_to_the_device(paint: Paint) -> None:
    batch = make(paint)

    moved = to_device(batch, torch.device("meta"))

    assert {tensor.device.type for tensor in leaves(moved)} == {"meta"}
    assert [tensor.shape for tensor in leaves(moved)] == [t.shape for t in leaves(batch)]


def pinned(batch: Batch) -> Batch:
    """The batch as loaders hand it out where there is a GPU."""
    images = type(batch.images)(*(tensor.pin_memory() for tensor in batch.images))
    targets = type(batch.targets)(*(tensor.pin_memory() for tensor in batch.targets))
    return Batch(images, targets, batch.image_ids.pin_memory())


def compute(device: torch.device) -> None:
    """Keeps a GPU busy for longer than a copy takes."""
    matrix = torch.ones(4096, 4096, device=device)
    for _ in range(100):
        matrix = matrix @ matrix * 1e-4


@pytest.mark.gpu
def test_a_gpu_gets_the_pixels_of_each_batch_in_turn(paint: Paint) -> None:
    """The memory of a batch that Python has forgotten is not taken while a step still reads it."""
    device = torch.device("cuda")
    means = []
    for shade in range(32):
        batch = make(paint)
        batch.images.canvas.fill_(shade)
        moved = to_device(pinned(batch), device)
        compute(device)
        means.append(moved.images.canvas.float().mean())
        del moved
    assert torch.stack(means).tolist() == list(range(32))


@pytest.mark.gpu
def test_a_gpu_copies_while_it_computes(paint: Paint) -> None:
    device = torch.device("cuda")
    batch = pinned(make(paint))
    compute(device)  # the first time it loads a library
    torch.cuda.synchronize()
    compute(device)
    computed = torch.cuda.Event()
    computed.record()

    moved = to_device(batch, device)

    copied = torch.cuda.Event()
    with torch.cuda.stream(_copying_stream(device)):
        copied.record()
    copied.synchronize()
    assert not computed.query(), "the copy has waited for what was computed before"
    assert torch.equal(moved.images.canvas.cpu(), batch.images.canvas)
