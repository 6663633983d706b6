"""Operators that ONNX does not know are written as they are translated."""

from pathlib import Path
from typing import Any

import torch
from onnxscript import opset20
from torch import Tensor, nn

from lumbar.tasks.export_graph import Translations, trace
from lumbar.tasks.export_onnx import open_onnx, write_onnx
from tests.tasks.small_export import make_images, small_exportable


@torch.library.custom_op("lumbar_tests::twice", mutates_args=())
def twice(x: Tensor) -> Tensor:
    return 2 * x


@twice.register_fake
def _twice_fake(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Twice(nn.Module):
    """Calls the operator, which no exporter knows."""

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        return twice(images), sizes


def test_operators_are_translated(tmp_path: Path) -> None:
    op: Any = opset20
    known: Translations = {torch.ops.lumbar_tests.twice.default: lambda x: op.Add(x, x)}
    exportable = small_exportable()._replace(graph=Twice(), translate=lambda _program: known)
    images = make_images(16, 16)

    write_onnx(trace(exportable), exportable, tmp_path / "model.onnx")

    doubled, sizes = open_onnx(tmp_path / "model.onnx")(images.canvas, images.sizes)
    assert torch.equal(doubled, 2 * images.canvas)
    assert torch.equal(sizes, images.sizes)
