"""Overlaps inside a kernel have the bits of those outside, and the compiler has no way to round them otherwise."""

import re

import pytest
import torch
import triton
from torch import Tensor
from triton import language as tl

from lumbar.ops.boxes import pairwise_iou
from lumbar.ops.kernels.boxes import iou, load
from tests.ops.kernels.compiled import compiled

COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lumbar.ops.kernels import matching, nms

def print_code(kernel, number, rank, **values):
    types = {"boxes": number, "truth": number, "best": number, "peaks": rank}
    types |= dict.fromkeys(["labels", "words", "index", "claimant"], "*i64")
    types |= dict.fromkeys(["valid", "keep"], "*u1")
    types |= dict.fromkeys(["count", "truths", "stride"], "i32") | dict.fromkeys(values, "constexpr")
    signature = {name: types[name] for name in kernel.arg_names}
    source = ASTSource(kernel, signature, values)
    options = {"enable_fp_fusion": False}
    print(triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["ptx"])

for types in (("*fp32", "*i32"), ("*fp64", "*i64")):
    print_code(nms._compare, *types, threshold=0.7)
    print_code(nms._sweep, *types, width=2048)
    print_code(matching._find, *types)
    print_code(matching._claim, *types, least=0.3)
"""


@triton.jit
def _overlaps(boxes: tl.tensor, overlap: tl.tensor, count: tl.constexpr) -> None:
    index = tl.arange(0, count)
    first, second = load(boxes, index[:, None]), load(boxes, index[None, :])
    tl.store(overlap + index[:, None] * count + index[None, :], iou(first, second))


def strange_boxes(count: int, dtype: torch.dtype) -> Tensor:
    """Boxes (count, 4) between zeros, infinities, NaN, numbers near both ends of the range, and common ones."""
    limits = torch.finfo(dtype)
    numbers = [0.0, -0.0, 1.0, 2.0, -3.0, 1 / 3, limits.tiny, limits.tiny**0.5, limits.max**0.5]
    special = torch.tensor([*numbers, limits.max, torch.inf, -torch.inf, torch.nan], dtype=dtype)
    common = torch.rand(count, 4, dtype=dtype) * 50
    drawn = special[torch.randint(len(special), (count, 4))]
    return torch.where(torch.rand(count, 4) < torch.rand(count, 1), drawn, common)


@pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_overlaps_have_the_bits_of_the_reference(dtype: torch.dtype, device: torch.device) -> None:
    boxes = strange_boxes(256, dtype)
    overlap = torch.empty(256, 256, dtype=dtype, device=device)

    _overlaps[1,](boxes.to(device), overlap, 256, enable_fp_fusion=False)

    expected = pairwise_iou(boxes, boxes)
    assert ((expected > 0) & (expected < 1)).any()
    assert expected.isnan().any()
    torch.testing.assert_close(overlap.cpu(), expected, rtol=0, atol=0, equal_nan=True)
    assert not overlap.signbit()[~overlap.isnan()].any()


@pytest.mark.slow
def test_compiled_kernels_round_each_step_once() -> None:
    """Compiled for a GPU of which none need be there: no fused product and sum, no division that is nearly right."""
    shown = compiled(COMPILE)

    arithmetic = {*re.findall(r"\b((?:div|fma|mad|mul|add|sub)\.\S*f(?:32|64))\b", shown)}
    steps = ("div", "mul", "add", "sub")
    assert arithmetic == {f"{step}.rn.{number}" for step in steps for number in ("f32", "f64")}
