"""The head of the first FCN: skips, a start at zero, and interpolation that learns."""

import pytest
import torch
from torch import nn

from segmentation.skip_head import Doubling, SkipHead
from tests.segmentation.head_contract import BODY, DENSE_BODY, check_head, make_maps, spread

VARIANTS = {"32s": ("c5",), "16s": ("c4", "c5"), "8s": ("c3", "c4", "c5")}
in_all_variants = pytest.mark.parametrize("levels", VARIANTS.values(), ids=VARIANTS)


@in_all_variants
def test_contract(levels: tuple[str, ...]) -> None:
    head = SkipHead(BODY, num_classes=5, levels=levels)
    assert head.output.stride == BODY[levels[0]].stride
    check_head(head)


@pytest.mark.parametrize("size", [(8, 12), (7, 11), (1, 2)])
def test_doubling_starts_as_interpolation(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, -(-size[0] // 2), -(-size[1] // 2), dtype=torch.float64)

    wanted = nn.functional.interpolate(x, scale_factor=2, mode="bilinear")

    enlarged = Doubling(3).double()(x, size)
    torch.testing.assert_close(enlarged, wanted[..., : size[0], : size[1]])


def test_doubling_learns() -> None:
    doubling = Doubling(3)
    doubling(torch.randn(1, 3, 4, 4), (8, 8)).square().sum().backward()
    assert doubling.weight.grad is not None
    assert doubling.weight.grad.abs().min() > 0


@in_all_variants
def test_all_scores_start_at_zero(levels: tuple[str, ...]) -> None:
    head = SkipHead(BODY, num_classes=5, levels=levels).double()
    assert not head(make_maps(BODY, (64, 96))).any()


def test_skips_are_added_to_what_is_coarser() -> None:
    head = spread(SkipHead(BODY, num_classes=4)).double()
    maps = make_maps(BODY, (64, 96))
    scores = {name: head.scores[name](maps[name]) for name in BODY if name != "c2"}

    c4 = scores["c4"] + head.doubling["c5"](scores["c5"], (4, 6))
    c3 = scores["c3"] + head.doubling["c4"](c4, (8, 12))

    torch.testing.assert_close(head(maps), c3)


def test_a_dense_body_is_refused() -> None:
    with pytest.raises(ValueError, match=r"doubles c4 to the size of c3, but .* 8 and 8; set"):
        SkipHead(DENSE_BODY, num_classes=2)
