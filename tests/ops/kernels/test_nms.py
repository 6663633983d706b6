"""The kernels keep the boxes that the reference keeps, whatever the boxes, with launches that only shapes decide."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.waits import count_syncs
from lumbar.ops.boxes import pairwise_iou
from lumbar.ops.kernels import nms
from lumbar.ops.kernels.nms import suppress
from lumbar.ops.nms import nms_keep_reference
from lumbar.ops.precision import round_down
from tests.ops.strategies import crowded

DTYPES = [torch.float32, torch.float64]


def assert_equals_reference(
    boxes: Tensor, labels: Tensor, valid: Tensor, iou: float, device: torch.device
) -> Tensor:
    """Returns what stays."""
    threshold = round_down(iou, boxes.dtype)
    keep = suppress(boxes.to(device), labels.to(device), valid.to(device), threshold).cpu()
    assert torch.equal(keep, nms_keep_reference(boxes, labels, valid, iou))
    return keep


def squares(count: int, step: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """A row (1, count, 4) of boxes with sides of 10 pixels, `step` pixels apart."""
    left = torch.arange(count, dtype=dtype) * step
    return torch.stack([left, left * 0, left + 10, left * 0 + 10], -1)[None]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rows", "count", "iou"), [(20, 20, 0.3), (10, 64, 0.5), (2, 130, 0.7)])
def test_equals_reference(
    rows: int, count: int, iou: float, dtype: torch.dtype, device: torch.device
) -> None:
    boxes, labels, valid = crowded(count, rows, count)

    keep = assert_equals_reference(boxes.to(dtype), labels, valid, iou, device)

    assert keep.any()
    assert (valid & ~keep).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_reference_among_many_labels_ties_and_boxes_without_area(
    dtype: torch.dtype, device: torch.device
) -> None:
    """Each of a hundred labels is a case of its own; corners on a coarse grid overlap by exactly the threshold, too."""
    boxes = torch.randint(5, (16, 64, 2, 2)).sort(2).values.flatten(2).to(dtype)
    labels = torch.randint(100, (16, 64)) % torch.linspace(2, 100, 16).long()[:, None]

    keep = assert_equals_reference(boxes, labels, torch.ones(16, 64) > 0, 0.3, device)

    assert not keep.all()
    assert (pairwise_iou(boxes, boxes) == torch.tensor(0.3, dtype=dtype)).any()
    assert labels.max() > 90


def test_chain_suppresses_every_second_box_across_words(device: torch.device) -> None:
    keep = assert_equals_reference(
        squares(100, 4), torch.zeros(1, 100).long(), torch.ones(1, 100) > 0, 0.4, device
    )

    assert keep[0].tolist() == [index % 2 == 0 for index in range(100)]


def test_one_of_many_equal_boxes_stays_for_each_label(device: torch.device) -> None:
    labels = torch.arange(200)[None] % 3

    keep = assert_equals_reference(squares(200, 0), labels, torch.ones(1, 200) > 0, 0.5, device)

    assert keep[0].nonzero()[:, 0].tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_numbers_out_of_bounds_suppress_as_in_the_reference(
    wrong: float, device: torch.device
) -> None:
    boxes, labels, valid = crowded(1, 2, 40)
    boxes[torch.rand(2, 40, 4) < 0.1] = wrong

    assert_equals_reference(boxes.float(), labels, valid, 0.3, device)


@pytest.mark.parametrize("shape", [(2, 0), (0, 5), (1,), (3, 1), (2, 3, 7)])
def test_any_shape(shape: tuple[int, ...], device: torch.device) -> None:
    boxes, valid = torch.zeros(*shape, 4) + 5, torch.ones(shape, dtype=torch.bool)

    keep = assert_equals_reference(boxes, valid.long(), valid, 0.5, device)

    assert keep.shape == shape


def test_any_strides(device: torch.device) -> None:
    boxes, labels, valid = crowded(3, 40, 2)

    assert_equals_reference(boxes.transpose(0, 1), labels.T, valid.T, 0.5, device)


def test_what_is_launched_depends_on_shapes_alone(
    monkeypatch: pytest.MonkeyPatch, device: torch.device
) -> None:
    """Two kernels, and K * ceil(K / 64) words of memory for each row, whether all boxes stay or all but one go."""
    launches: list[Any] = []
    for kernel in (nms._compare, nms._sweep):
        monkeypatch.setattr(kernel, "pre_run_hooks", [lambda *args, **_: launches.append(args)])
    valid = torch.ones(1, 70, dtype=torch.bool, device=device)

    for step in (0.0, 100.0):
        boxes = squares(70, step).to(device)
        assert count_syncs(partial(suppress, boxes, valid.long(), valid, 0.5)) == {}

    shapes = [[getattr(arg, "shape", arg) for arg in args] for args in launches]
    assert shapes[:2] == shapes[2:]
    assert shapes[1][0] == (1, 2, 70)
