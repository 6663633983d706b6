"""One sparse product equals torchvision's kernel level by level, values and gradients."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import pytest
import torch
import torchvision.ops
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from lumbar.ops.roi_align import multilevel_roi_align
from tests.ops.strategies import random_boxes

STRIDES = [4, 8, 16]


def pyramid(seed: int = 0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Three maps of two 96 x 128 images, 6 channels, channels last as convolutions leave them."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(2, 6, 96 // stride, 128 // stride) for stride in STRIDES]
    maps = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [level.to(dtype, memory_format=torch.channels_last) for level in maps]


def by_kernel(
    features: list[Tensor], boxes: Tensor, levels: Tensor, *, ratio: int, aligned: bool
) -> Tensor:
    """The same by one call of torchvision's kernel for each level."""
    images, regions = levels.shape
    numbers = torch.arange(images).repeat_interleave(regions)[:, None].to(boxes.dtype)
    rows = torch.cat([numbers, boxes.flatten(0, 1)], 1)
    out = boxes.new_zeros(images * regions, 6, 7, 7)
    for level, (feature, stride) in enumerate(zip(features, STRIDES, strict=True)):
        chosen = (levels.flatten() == level).nonzero()[:, 0]
        pooled = torchvision.ops.roi_align(feature, rows[chosen], 7, 1 / stride, ratio, aligned)
        out = out.index_put((chosen,), pooled)
    return out


def pool(
    features: list[Tensor], boxes: Tensor, levels: Tensor, *, ratio: int, aligned: bool
) -> Tensor:
    """The operator under test."""
    return multilevel_roi_align(
        features, boxes, levels, strides=STRIDES, size=7, sampling_ratio=ratio, aligned=aligned
    )


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_equals_torchvision_with_gradients(aligned: bool, ratio: int) -> None:
    boxes = random_boxes(2, 20, seed=1, size=96)
    boxes[:, 0] = torch.tensor([0.0, 0.0, 128.0, 96.0])
    boxes[:, 1] = torch.tensor(
        [127.5, 95.0, 128.0, 96.0]
    )  # narrower than a cell, at the far corner
    levels = torch.randint(3, (2, 20), generator=torch.Generator().manual_seed(2))
    mine = [level.requires_grad_() for level in pyramid()]
    theirs = [level.requires_grad_() for level in pyramid()]

    actual = pool(mine, boxes, levels, ratio=ratio, aligned=aligned)
    expected = by_kernel(theirs, boxes, levels, ratio=ratio, aligned=aligned)
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(3)).double()
    (actual * weight).sum().backward()
    (expected * weight).sum().backward()

    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
    for left, right in zip(mine, theirs, strict=True):
        torch.testing.assert_close(left.grad, right.grad, rtol=0, atol=1e-9)


def test_boxes_outside_the_map_pool_zeros_as_the_kernel_does() -> None:
    boxes = torch.tensor([[[500.0, 500.0, 600.0, 600.0], [-300.0, -300.0, -200.0, -200.0]]] * 2)
    levels = torch.zeros(2, 2, dtype=torch.int64)

    pooled = pool(pyramid(), boxes.double(), levels, ratio=2, aligned=True)

    assert pooled.abs().max() == 0


def test_constant_map_pools_to_the_constant() -> None:
    features = [torch.full_like(level, 3.0) for level in pyramid()]
    boxes = random_boxes(2, 5, seed=1, size=90)

    pooled = pool(features, boxes, torch.ones(2, 5, dtype=torch.int64), ratio=2, aligned=True)

    torch.testing.assert_close(pooled, torch.full_like(pooled, 3.0))


def test_linear_map_pools_to_the_value_at_the_cell_centre() -> None:
    ramp = torch.arange(32, dtype=torch.float64).expand(1, 1, 24, 32).contiguous()
    boxes = torch.tensor([[[20.0, 20.0, 76.0, 76.0]]], dtype=torch.float64)

    pooled = multilevel_roi_align(
        [ramp],
        boxes,
        torch.zeros(1, 1).long(),
        strides=[4],
        size=7,
        sampling_ratio=2,
        aligned=True,
    )

    centres = (20 + 8 * (torch.arange(7, dtype=torch.float64) + 0.5)) / 4 - 0.5
    torch.testing.assert_close(pooled[0, 0], centres.expand(7, 7))


def test_batch_equals_single_images() -> None:
    features, boxes = pyramid(), random_boxes(2, 9, seed=5, size=90)
    levels = torch.arange(9).remainder(3).expand(2, 9)

    together = pool(features, boxes, levels, ratio=2, aligned=True)
    alone = [
        pool([f[i : i + 1] for f in features], boxes[i : i + 1], levels[:1], ratio=2, aligned=True)
        for i in range(2)
    ]

    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-14)


def test_low_precision_maps_are_pooled_in_float32() -> None:
    boxes, levels = random_boxes(2, 9, seed=5, size=90), torch.zeros(2, 9, dtype=torch.int64)

    pooled = pool(pyramid(dtype=torch.bfloat16), boxes.float(), levels, ratio=2, aligned=True)

    exact = pool(pyramid(), boxes, levels, ratio=2, aligned=True)
    assert pooled.dtype == torch.float32
    assert (pooled - exact).abs().max() < 0.02


def test_gradients_of_boxes_are_refused() -> None:
    boxes, levels = random_boxes(2, 9, seed=5, size=90), torch.zeros(2, 9, dtype=torch.int64)

    with pytest.raises(AssertionError, match="detach"):
        pool(pyramid(), boxes.requires_grad_(), levels, ratio=2, aligned=True)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_boxes_that_are_no_numbers_spoil_no_others(wrong: float) -> None:
    boxes, levels = random_boxes(2, 9, seed=5, size=90), torch.zeros(2, 9, dtype=torch.int64)
    spoilt = boxes.clone()
    spoilt[:, 4] = wrong

    pooled, expected = (
        pool(pyramid(), some, levels, ratio=2, aligned=True).unflatten(0, (2, 9))
        for some in (spoilt, boxes)
    )

    others = torch.arange(9) != 4
    assert torch.equal(pooled[:, others], expected[:, others])
    assert not (pooled[:, 4] > 0).any()


class Recorder(TorchDispatchMode):
    """Keeps, while it is entered, the name and the results of each operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[str, list[Tensor]]] = []

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = result if isinstance(result, list | tuple) else [result]
        self.calls.append((func.name(), [value for value in tensors if isinstance(value, Tensor)]))
        return result


@pytest.mark.skipif(not find_spec("triton"), reason="kernels need Triton: pip install triton")
def test_on_cuda_one_operator_reads_maps_as_they_are() -> None:
    """On tensors without data: what runs there depends on shapes alone, and a GPU is not needed to see it."""
    with FakeTensorMode(), torch.device("cuda"), Recorder() as recorder:
        maps = [torch.empty(2, 96 // s, 128 // s, 256, dtype=torch.bfloat16) for s in STRIDES]
        maps = [level.permute(0, 3, 1, 2) for level in maps]
        boxes, levels = torch.empty(2, 9, 4), torch.empty(2, 9, dtype=torch.int64)
        recorder.calls.clear()
        pooled = pool(maps, boxes, levels, ratio=2, aligned=True)

    assert pooled.dtype == torch.float32
    assert pooled.is_contiguous(memory_format=torch.channels_last)
    size = maps[-1].numel()
    large = [name for name, results in recorder.calls if any(x.numel() >= size for x in results)]
    assert large == ["lumbar::roi_align"]


@pytest.mark.gpu
@pytest.mark.parametrize("compiles", [True, False])
def test_on_cuda_values_and_gradients_are_those_of_the_cpu(compiles: bool) -> None:
    boxes = random_boxes(2, 20, seed=1, size=96).float()
    levels = torch.randint(3, (2, 20), generator=torch.Generator().manual_seed(2))
    run = torch.compile(pool, fullgraph=True) if compiles else pool
    results = []
    for place, way in (("cpu", pool), ("cuda", run)):
        maps = [level.to(place).requires_grad_() for level in pyramid(dtype=torch.bfloat16)]
        pooled = way(maps, boxes.to(place), levels.to(place), ratio=2, aligned=True)
        results.append([pooled, *torch.autograd.grad(pooled.square().sum(), maps)])

    for expected, actual in zip(*results, strict=True):
        assert actual.dtype == expected.dtype
        torch.testing.assert_close(actual.cpu(), expected, rtol=2**-7, atol=1e-3)
