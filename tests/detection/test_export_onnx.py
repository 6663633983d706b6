"""In onnxruntime, the two operators that are translated here do what they do in torch."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from detection.export_onnx import translations
from lumbar.ops.nms import nms_keep
from lumbar.ops.roi_align import multilevel_roi_align
from lumbar.tasks.export_graph import CanvasRule, Exportable, Inputs, Run
from lumbar.tasks.export_onnx import open_onnx, write_onnx
from tests.ops.strategies import random_boxes

COUNT = 40


class Suppression(nn.Module):
    """NMS of boxes (B, 1, K, 4) with labels (B, K), -1 where not valid: in one row, and as two levels of one label."""

    def __init__(self, iou: float) -> None:
        super().__init__()
        self.iou = iou

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        boxes, valid = images[:, 0], sizes >= 0
        row = nms_keep(boxes, sizes.clamp(min=0), valid, self.iou)
        boxes, valid = boxes.unflatten(1, (2, -1)), valid.unflatten(1, (2, -1))
        return row, nms_keep(boxes, torch.zeros_like(valid, dtype=torch.int64), valid, self.iou)


class Thresholds(nn.Module):
    """NMS of boxes (B, 1, K, 4) at three thresholds."""

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        valid = torch.ones_like(sizes, dtype=torch.bool)
        return tuple(nms_keep(images[:, 0], sizes, valid, iou) for iou in (0.5, 0.6, 0.7))


class Pooling(nn.Module):
    """RoIAlign of three boxes from a map (B, C, H, W) and its half, as levels (B, 3) say."""

    def __init__(self, sampling_ratio: int) -> None:
        super().__init__()
        self.settings = {"strides": [4, 8], "size": 2, "sampling_ratio": sampling_ratio}

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor]:
        corners = torch.arange(12).view(3, 4).remainder(5).to(images.dtype)
        boxes = (corners + torch.arange(4) * 3).expand(sizes.shape[0], 3, 4)
        levels = [images, images[..., ::2, ::2]]
        return (multilevel_roi_align(levels, boxes, sizes, aligned=False, **self.settings),)


def in_onnx(module: nn.Module, file: Path, images: Tensor, sizes: Tensor) -> Run:
    """Exports a module for any number of images, of which there are two or more here."""
    free = {0: Dim("batch", min=1)}
    with torch.no_grad():
        program = torch.export.export(module, (images, sizes), dynamic_shapes=(free, free))
    outputs = tuple(f"output{number}" for number in range(len(module(images, sizes))))
    inputs = Inputs(images.shape[1], images.dtype, CanvasRule(1, 1))
    write_onnx(program, Exportable(module, inputs, outputs, {}, translations), file)
    return open_onnx(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("onnx")


@pytest.fixture(scope="module")
def suppression(folder: Path) -> Run:
    return in_onnx(Suppression(0.4), folder / "nms.onnx", *crowd(3, seed=0))


def crowd(images: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Overlapping boxes (B, 1, K, 4), every fifth without an area, of three labels (B, K); some are not valid."""
    boxes = random_boxes(images, 1, COUNT, seed=seed, size=30).float().round()
    boxes[:, :, ::5, 2:] = boxes[:, :, ::5, :2]
    generator = torch.Generator().manual_seed(seed)
    return boxes, torch.randint(-1, 3, (images, COUNT), generator=generator)


@pytest.mark.parametrize("images", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_boxes_stay(suppression: Run, images: int, seed: int) -> None:
    batch = crowd(images, seed=seed)

    row, levels = suppression(*batch)

    expected = Suppression(0.4)(*batch)
    assert torch.equal(row, expected[0])
    assert torch.equal(levels, expected[1])
    assert 0 < row.sum() < (batch[1] >= 0).sum()


def test_boxes_that_do_not_take_part_leave_nothing(suppression: Run) -> None:
    boxes, labels = crowd(2, seed=0)

    row, levels = suppression(boxes, labels.fill_(-1))

    assert not row.any()
    assert not levels.any()


def test_boxes_on_the_threshold_fare_as_in_torch(folder: Path) -> None:
    """Half is a float32; 0.6 as a float32 lies above the float64 that it is compared with, and 0.7 below."""
    tenths = torch.tensor([5.0, 6.0, 7.0])
    inner = torch.stack([torch.zeros(3), torch.zeros(3), tenths, torch.ones(3)], -1)
    boxes = torch.stack([torch.tensor([0.0, 0.0, 10.0, 1.0]).expand(3, 4), inner], 1)[:, None]
    labels = torch.zeros(3, 2, dtype=torch.int64)
    module = Thresholds()

    found = in_onnx(module, folder / "thresholds.onnx", boxes, labels)(boxes, labels)

    expected = module(boxes, labels)
    assert [row[:, 1].tolist() for row in found] == [row[:, 1].tolist() for row in expected]
    assert [row[place, 1] for place, row in enumerate(expected)] == [True, False, True]


def test_regions_are_pooled_by_as_many_points(folder: Path) -> None:
    images = torch.randn(3, 3, 8, 12)
    levels = torch.tensor([[0, 1, 0], [1, 1, 0], [0, 0, 1]])
    module = Pooling(sampling_ratio=3)

    run = in_onnx(module, folder / "pool.onnx", images, levels)

    for count in (1, 3):
        (pooled,) = run(images[:count], levels[:count])
        torch.testing.assert_close(pooled, module(images[:count], levels[:count])[0])
