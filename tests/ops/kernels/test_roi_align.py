"""Pooling by kernels equals the sparse product, forward and backward, wherever the boxes lie."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from lumbar.ops.kernels.roi_align import gather, pool, scatter
from lumbar.ops.roi_align import _lines, _pool, _positions, pool_by_product
from tests.ops.kernels.compiled import compiled
from tests.ops.strategies import random_boxes

STRIDES = [4, 8, 16, 32, 64]
CANVAS = (48, 72)
BITS = {torch.bfloat16: 2**-8, torch.float16: 2**-11, torch.float32: 1e-6, torch.float64: 1e-12}
COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lumbar.ops.kernels.roi_align import _walk_row

def print_code(maps, backward):
    values = {"size": 7, "taps": 4, "columns": 8, "block": 256, "backward": backward}
    types = {"pooled": "*fp32", "maps": maps, "levels": "*i64", "lines": "*i64", "weights": "*fp32"}
    types |= {"channels": "i32"} | dict.fromkeys(values, "constexpr")
    signature = {name: types[name] for name in _walk_row.arg_names}
    places = [(0,), *((1, level) for level in range(4)), *((place,) for place in range(2, 6))]
    source = ASTSource(_walk_row, signature, values, {p: [["tt.divisibility", 16]] for p in places})
    options = {"enable_fp_fusion": True}
    print(triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["ptx"])

print_code(("*bf16",) * 4, False)
print_code(("*fp32",) * 4, True)
"""


class Case(NamedTuple):
    """What is pooled, and a gradient of the result."""

    features: list[Tensor]
    levels: Tensor
    lines: Tensor
    weights: Tensor
    gradient: Tensor

    def pooled(self) -> Tensor:
        """What the kernel finds, (B * R, C, size, size)."""
        out = torch.full_like(self.gradient, torch.nan, memory_format=torch.channels_last)
        pool(out, *self[:-1])
        return out

    def gradients(self, way: Any) -> Any:
        """Those of the features, by `scatter` or `gather`."""
        return way(self.gradient, *self[:-1])


def strange_boxes(images: int, regions: int) -> Tensor:
    """Boxes (images, regions, 4) in and around the canvas; of six, one each is empty, all of it, reversed, far out."""
    boxes = random_boxes(images, regions, seed=int(torch.randint(1000, ())), size=90) - 10
    boxes[:, 1::6, 2:] = boxes[:, 1::6, :2]
    boxes[:, 2::6] = torch.tensor([0.0, 0.0, CANVAS[1], CANVAS[0]]).double()
    boxes[:, 3::6] = boxes[:, 3::6, [2, 3, 0, 1]]
    boxes[:, 4::6] += torch.tensor([300.0, -300.0]).double()[torch.randint(2, (images, 1, 1))]
    return boxes


def make_case(
    boxes: Tensor,
    device: torch.device,
    *,
    maps: int = 3,
    channels: int = 5,
    cells: tuple[int, int] = (2, 1),
    aligned: bool = True,
    canvas: tuple[int, int] = CANVAS,
    dtype: torch.dtype = torch.float64,
) -> Case:
    """Each box on one of as many levels as there are maps; cells are the size of a region and its sampling ratio."""
    (images, regions), (size, ratio), strides = boxes.shape[:2], cells, STRIDES[:maps]
    wide = torch.promote_types(dtype, torch.float32)
    shapes = [(images, channels, *(-(-side // stride) for side in canvas)) for stride in strides]
    features = [
        torch.randn(shape).to(device, dtype, memory_format=torch.channels_last) for shape in shapes
    ]
    levels = torch.randint(maps, (images, regions)).to(device)
    where = _positions(
        boxes.to(device, wide), levels, strides, points=size * ratio, aligned=aligned
    )
    lines, weights = _lines(features, levels, where)
    taps = (images * regions, 2, size, ratio * 2)
    gradient = torch.randn(images * regions, size, size, channels, dtype=wide).permute(0, 3, 1, 2)
    return Case(features, levels, lines.view(taps), weights.view(taps) / ratio, gradient.to(device))


def assert_equals_product(case: Case) -> None:
    """Maps and their gradients up to a rounding to their type, sums up to one to theirs."""
    features = [level.detach().requires_grad_() for level in case.features]
    expected = pool_by_product(features, *case[1:-1])
    gradients = torch.autograd.grad(expected, features, case.gradient)

    exact = BITS[expected.dtype] * 10
    torch.testing.assert_close(case.pooled(), expected.detach(), rtol=exact, atol=exact)
    for way in (scatter, gather):
        for actual, wanted in zip(case.gradients(way), gradients, strict=True):
            torch.testing.assert_close(actual, wanted, rtol=2 * BITS[wanted.dtype], atol=exact * 10)


@pytest.mark.parametrize(
    ("images", "maps", "channels", "cells", "aligned"),
    [
        (1, 5, 5, (2, 2), True),
        (2, 3, 16, (2, 1), False),
        (1, 1, 3, (7, 1), True),
        (1, 4, 1, (1, 4), False),
        (1, 2, 260, (1, 2), True),
        (3, 1, 2, (1, 1), True),
    ],
)
def test_equals_the_product(
    images: int,
    maps: int,
    channels: int,
    cells: tuple[int, int],
    aligned: bool,
    device: torch.device,
) -> None:
    kinds: dict[str, Any] = {"maps": maps, "channels": channels, "cells": cells, "aligned": aligned}

    assert_equals_product(make_case(strange_boxes(images, 6), device, **kinds))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_equals_the_product_in_many_cases(seed: int, device: torch.device) -> None:
    torch.manual_seed(seed)
    maps, size, ratio = (int(torch.randint(1, most, ())) for most in (6, 4, 4))
    boxes = strange_boxes(2, 30)

    case = make_case(boxes, device, maps=maps, cells=(size, ratio), aligned=bool(seed % 2))

    assert_equals_product(case)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_narrow_maps_are_summed_in_float32(dtype: torch.dtype, device: torch.device) -> None:
    case = make_case(strange_boxes(1, 6), device, dtype=dtype)

    assert_equals_product(case)
    assert [level.dtype for level in case.gradients(gather)] == [dtype] * 3


def test_other_memory_formats_are_copied(device: torch.device) -> None:
    case = make_case(strange_boxes(2, 2), device)
    planes = [level.contiguous() for level in case.features]

    assert_equals_product(case._replace(features=planes, gradient=case.gradient.contiguous()))


@pytest.mark.parametrize("images", [1, 3])
def test_no_regions_give_no_gradient(images: int, device: torch.device) -> None:
    case = make_case(strange_boxes(images, 0), device)

    assert case.pooled().shape == (0, 5, 2, 2)
    for way in (scatter, gather):
        assert not any(level.any() for level in case.gradients(way))


def test_the_gradient_is_the_adjoint(device: torch.device) -> None:
    """Pooling is linear, so that <pooled(x), g> = <x, gradient(g)> is all that there is to know of its gradient."""
    case = make_case(strange_boxes(2, 3), device)

    product = (case.pooled() * case.gradient).sum()

    for way in (scatter, gather):
        pairs = zip(case.features, case.gradients(way), strict=True)
        torch.testing.assert_close(sum((x * y).sum() for x, y in pairs), product)


def test_gather_adds_regions_from_first_to_last(device: torch.device) -> None:
    """What is added to 2**30 between it and its opposite is lost in float32; in another order some of it would stay."""
    boxes = torch.tensor([8.0, 8.0, 12.0, 12.0]).expand(1, 260, 4)
    case = make_case(boxes, device, maps=1, channels=1, cells=(1, 1), dtype=torch.float32)
    gradient = torch.ones(260, 1, 1, 1, device=device)
    gradient[0], gradient[258] = 2.0**30, -(2.0**30)

    (total,) = case._replace(gradient=gradient).gradients(gather)

    assert total[0, 0, 2, 2] == 1
    assert total.sum() == 1


@pytest.fixture
def deterministic() -> Iterator[None]:
    """What Lightning's `deterministic: true` sets."""
    torch.use_deterministic_algorithms(mode=True)
    yield
    torch.use_deterministic_algorithms(mode=False)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_the_operator_passes_the_checks_of_torch(device: torch.device) -> None:
    case = make_case(strange_boxes(1, 2), device, maps=2, cells=(1, 1), dtype=torch.float32)
    features = [level.requires_grad_() for level in case.features]

    torch.library.opcheck(_pool, (features, *case[1:-1]))


@pytest.mark.usefixtures("deterministic")
def test_deterministic_training_gathers(device: torch.device) -> None:
    case = make_case(random_boxes(1, 12, seed=0, size=40), device, maps=1, dtype=torch.float32)
    features = [level.requires_grad_() for level in case.features]

    gradients = torch.autograd.grad(_pool(features, *case[1:-1]), features, case.gradient)

    assert torch.equal(*gradients, *case.gradients(gather))
    assert not torch.equal(*gradients, *case.gradients(scatter))


@pytest.mark.slow
def test_compiled_kernels_move_sixteen_bytes_at_once() -> None:
    """Compiled for a GPU of which none need be there: eight channels in bfloat16, or four sums, in each instruction."""
    shown = compiled(COMPILE)

    assert re.search(r"ld\.global\.v4\.b32", shown)
    assert {*re.findall(r"red\.\S*add\S*f32", shown)} == {"red.global.gpu.relaxed.add.v4.f32"}


@pytest.mark.gpu
@pytest.mark.usefixtures("deterministic")
def test_a_training_batch_is_pooled_without_waiting_and_its_gradient_repeats() -> None:
    device, boxes = torch.device("cuda"), random_boxes(2, 512, seed=0, size=800)
    kinds: dict[str, Any] = {"maps": 4, "channels": 256, "cells": (7, 2), "canvas": (800, 1344)}
    case = make_case(boxes, device, dtype=torch.bfloat16, **kinds)
    assert_equals_product(case)

    torch.cuda.set_sync_debug_mode("error")
    try:
        case.pooled(), case.gradients(scatter)
        first, again = case.gradients(gather), case.gradients(gather)
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert all(map(torch.equal, first, again))
