"""Options A, B, C and D."""

from typing import Any

import pytest
import torch
from torch import nn

from backbones.norm import ConvNorm
from backbones.shortcuts import (
    Pad,
    SpreadAverage,
    no_shortcut,
    pad,
    pool_and_project,
    project,
    project_always,
    project_bare,
)
from backbones.standardised import StandardisedConv
from tests.contracts import pixels

NORM = nn.BatchNorm2d


@pytest.mark.parametrize("make", [project, project_bare, pad, pool_and_project, no_shortcut])
def test_where_the_shape_stays_it_is_the_identity(make: Any) -> None:
    assert isinstance(make(8, 8, 1, NORM, (1, 1)), nn.Identity)


def test_option_c_projects_always() -> None:
    assert isinstance(project_always(8, 8, 1, NORM, (1, 1)), ConvNorm)


@pytest.mark.parametrize("make", [project, project_always, project_bare, pad, pool_and_project])
@pytest.mark.parametrize(("stride", "shape"), [(1, (2, 8, 7, 5)), (2, (2, 8, 4, 3))])
def test_shapes(make: Any, stride: int, shape: tuple[int, ...]) -> None:
    assert make(4, 8, stride, NORM, (1, 1)).double()(pixels(2, 4, 7, 5)).shape == shape


def test_option_a_has_no_parameters_and_zeros_in_the_new_channels() -> None:
    x = pixels(1, 2, 5, 5)
    y = Pad(3, 2)(x)
    assert torch.equal(y[:, :2], x[..., ::2, ::2])
    assert y.shape[1] == 5
    assert not y[:, 2:].any()
    assert not list(pad(2, 5, 2, NORM).parameters())


@pytest.mark.parametrize("make", [project, project_bare])
def test_the_kind_of_convolution_is_a_value(make: Any) -> None:
    assert isinstance(make(4, 8, 1, NORM, (1, 1), conv=StandardisedConv)[0], StandardisedConv)


def test_a_bare_projection_has_no_norm() -> None:
    assert list(project_bare(4, 8, 2, NORM).state_dict()) == ["0.weight"]


def test_option_d_averages_what_the_stride_would_skip() -> None:
    shortcut: Any = pool_and_project(4, 8, 2, NORM).double().eval()
    x = pixels(1, 4, 5, 5)
    pooled = shortcut[0](x)
    torch.testing.assert_close(pooled[0, 0, 0, 0], x[0, 0, :2, :2].mean())
    torch.testing.assert_close(pooled[0, 0, 2, 2], x[0, 0, 4, 4])
    torch.testing.assert_close(shortcut(x), shortcut[2](shortcut[1](pooled)))
    assert list(shortcut.state_dict())[:2] == ["1.weight", "2.weight"]


@pytest.mark.parametrize("size", [(8, 8), (5, 7), (1, 3)])
def test_a_spread_average_holds_the_strided_one(size: tuple[int, int]) -> None:
    x = pixels(1, 2, *size)
    strided = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)(x)
    torch.testing.assert_close(SpreadAverage(1)(x)[..., ::2, ::2], strided)
    torch.testing.assert_close(
        SpreadAverage(2)(x)[..., ::2, ::2], SpreadAverage(1)(x[..., ::2, ::2])
    )
