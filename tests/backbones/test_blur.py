"""The filter, the grid, and what stands in its place in a dense map."""

import pytest
import torch

from backbones.blur import Blur
from tests.contracts import pixels


def test_a_constant_map_stays_and_a_point_spreads() -> None:
    blur = Blur(1)
    assert torch.equal(blur(torch.ones(1, 2, 5, 6)), torch.ones(1, 2, 5, 6))
    x = torch.zeros(1, 1, 5, 5)
    x[..., 2, 2] = 16
    wanted = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    assert torch.equal(blur(x)[0, 0, 1:4, 1:4], wanted)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (2, 3)])
def test_it_skips_cells_of_what_it_would_give_for_all(size: tuple[int, int]) -> None:
    x = pixels(2, 3, *size)
    torch.testing.assert_close(Blur(2)(x), Blur(1)(x)[..., ::2, ::2])


def test_spread_it_is_the_same_on_the_cells_of_a_coarser_map() -> None:
    x = pixels(1, 2, 9, 9)
    dense = Blur(1, spread=2)(x)
    assert dense.shape == x.shape
    torch.testing.assert_close(dense[..., ::2, ::2], Blur(1)(x[..., ::2, ::2]))
    assert repr(Blur(2)) == "Blur(stride=2, spread=1)"


def test_it_has_no_state() -> None:
    assert not Blur(2).state_dict()
