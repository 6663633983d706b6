"""A model as a graph on tensors alone, for any number of images and for canvases of many sizes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

import lumbar
from backbones.base import FeatureSpec
from lumbar.ops.structures import Images

Prepare = Callable[[NDArray[np.uint8]], Images]
"""Pixels (H, W, C) to a batch of one image, as the model wants it."""

Run = Callable[[Tensor, Tensor], Sequence[Tensor]]
"""A canvas (B, C, H, W) and sizes (B, 2) to what a file says of them."""

Translations = Mapping[Callable[..., Any], Callable[..., Any]]
"""For operators of torch the functions that say in onnxscript what they do."""


class CanvasRule(NamedTuple):
    """Which canvases the graph takes."""

    multiple: int
    """Height and width are multiples of this."""
    least: int
    """Neither is less: to the exporter, a map of a single cell is a case of its own."""

    @classmethod
    def of(cls, features: Mapping[str, FeatureSpec], *, pad_multiple: int) -> "CanvasRule":
        """Canvases whose maps halve without a remainder; the coarsest may have one, and has 2 cells."""
        *_, last_enlarged, coarsest = (spec.stride for spec in features.values())
        multiple = math.lcm(last_enlarged, pad_multiple)
        return cls(multiple, multiple * (coarsest // multiple + 1))

    def fit(self, images: Images, *, extra: int = 0) -> Images:
        """Enlarges the canvas (B, C, H, W) as the rule asks, and by `extra` multiples more."""
        height, width = (
            max(self.least, math.ceil(side / self.multiple) * self.multiple) - side
            for side in images.canvas.shape[-2:]
        )
        more = extra * self.multiple
        return images._replace(canvas=F.pad(images.canvas, (0, width + more, 0, height + more)))

    def example(self) -> tuple[int, int]:
        """A canvas to trace on; the least may be a single multiple, which the exporter would take for a constant."""
        return 2 * self.least, 3 * self.least

    def free(self) -> dict[int, Any]:
        """How the axes of a canvas (B, C, H, W) may vary."""
        rows, columns = (Dim(name, min=self.least // self.multiple) for name in ("rows", "columns"))
        return {2: self.multiple * rows, 3: self.multiple * columns}


class FixedCanvas(NamedTuple):
    """The one canvas that the graph takes, for models whose images all have one size."""

    height: int
    width: int

    def fit(self, images: Images, *, extra: int = 0) -> Images:
        """Leaves the canvas (B, C, H, W) as it is."""
        return images

    def example(self) -> tuple[int, int]:
        """The canvas."""
        return self.height, self.width

    def free(self) -> dict[int, Any]:
        """No axis of a canvas (B, C, H, W)."""
        return {}


class Inputs(NamedTuple):
    """What the graph takes: a canvas (B, C, H, W), and sizes (B, 2)."""

    channels: int
    """C."""
    dtype: torch.dtype
    """Of the canvas."""
    canvas: CanvasRule | FixedCanvas
    """Its sizes."""

    @classmethod
    def of(cls, prepare: Prepare, *, channels: int, canvas: CanvasRule) -> "Inputs":
        """With the dtype that resizing makes of whole numbers, which depends on its rule."""
        dtype = prepare(np.zeros((1, 1, channels), np.uint8)).canvas.dtype
        return cls(channels, dtype, canvas)


class Exportable(NamedTuple):
    """What of a model goes into a file."""

    graph: nn.Module
    """On the CPU; takes a canvas (B, C, H, W) and sizes (B, 2), and returns a tuple of tensors."""
    inputs: Inputs
    """What it takes."""
    outputs: Sequence[str]
    """Names of what it returns."""
    settings: Mapping[str, Any]
    """What readers of the file have to know about the model."""
    translate: Callable[[ExportedProgram], Translations] = lambda _program: {}
    """Finds what ONNX does not know."""

    def describe(self) -> dict[str, Any]:
        """The settings, the inputs, and the versions that made the file."""
        dtype = str(self.inputs.dtype).removeprefix("torch.")
        return {
            "lumbar": lumbar.__version__,
            "torch": str(torch.__version__),
            "images": {"dtype": dtype, "channels": self.inputs.channels},
            "canvas": self.inputs.canvas._asdict(),
            **self.settings,
        }


@torch.no_grad()
def trace(exportable: Exportable) -> ExportedProgram:
    """Turns the graph into a program whose batch size is free, and height and width where they may be."""
    inputs = exportable.inputs
    canvas = inputs.canvas.example()
    example = torch.zeros(2, inputs.channels, *canvas, dtype=inputs.dtype)
    sizes = torch.tensor([canvas, canvas])
    batch = Dim("batch", min=1)
    shapes = ({0: batch, **inputs.canvas.free()}, {0: batch})
    program = torch.export.export(exportable.graph, (example, sizes), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names the folders of this machine
    return program
