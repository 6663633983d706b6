"""A detector as one file for a server.

The graph takes `images`, (B, C, H, W) of 0 to 255 in the dtype that its description names, RGB where C is 3, each image
in the top left corner of a canvas of zeros, and `sizes`, (B, 2) int64 heights and widths inside the canvas; B, H and W
are free. It returns the fields of `Detections` in pixels of the canvas. The description is part of the file: in the
metadata of ONNX under "lumbar", in a .pt2 as the extra file "lumbar.json". A .pt2 needs torch, and `import
lumbar.ops.nms` before it is loaded; of an ONNX file, this is all that a reader has to know:

    session = onnxruntime.InferenceSession("model.onnx")
    about = json.loads(session.get_modelmeta().custom_metadata_map["lumbar"])
    image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
    scale = min(about["resize"]["short"] / min(image.size), about["resize"]["long"] / max(image.size))
    width, height = (round(side * scale) for side in image.size)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    step, least = about["canvas"]["multiple"], about["canvas"]["least"]
    canvas = [max(least, -(-side // step) * step) for side in (height, width)]
    images = np.zeros((1, 3, *canvas), about["images"]["dtype"])
    images[0, :, :height, :width] = pixels
    found = session.run(None, {"images": images, "sizes": np.array([[height, width]])})
    boxes, scores, labels = (field[found[3]] for field in found[:3])
    boxes *= [image.width / width, image.height / height] * 2

"""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

import lumbar
from detection.detector import Detector
from detection.faster_rcnn import FasterRCNN
from lumbar.ops.structures import Detections, Images

Format = Literal["onnx", "pt2"]


class CanvasRule(NamedTuple):
    """Which canvases the graph takes."""

    multiple: int
    """Height and width are multiples of this."""
    least: int
    """Neither is less: to the exporter, a map of a single cell is a case of its own."""

    def fit(self, images: Images, *, extra: int = 0) -> Images:
        """Enlarges the canvas (B, C, H, W) as the rule asks, and by `extra` multiples more."""
        height, width = (
            max(self.least, math.ceil(side / self.multiple) * self.multiple) - side
            for side in images.canvas.shape[-2:]
        )
        more = extra * self.multiple
        return images._replace(canvas=F.pad(images.canvas, (0, width + more, 0, height + more)))


def canvas_rule(detector: Detector) -> CanvasRule:
    """Canvases whose maps halve from level to level without a remainder; the coarsest may have one, and has 2 cells."""
    *_, last_enlarged, coarsest = (
        spec.stride for spec in detector.model.backbone.features.values()
    )
    multiple = math.lcm(last_enlarged, detector.data.pad_multiple)
    return CanvasRule(multiple, multiple * (coarsest // multiple + 1))


class _Graph(nn.Module):
    """`FasterRCNN.predict` on tensors alone."""

    def __init__(self, model: FasterRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """The fields of `Detections` for a canvas (B, C, H, W) with sizes (B, 2)."""
        return tuple(self.model.predict(Images(images, sizes, sizes)))


@torch.no_grad()
def trace(detector: Detector) -> ExportedProgram:
    """Turns `predict` into a graph of free batch size, height and width.

    Args:
        detector: On the CPU.

    Returns:
        A program that takes a canvas (B, C, H, W) and sizes (B, 2), and returns the fields of `Detections`.
    """
    multiple, least = canvas_rule(detector)
    # The least canvas may be a single multiple, which the exporter would take for a constant.
    canvas = (2 * least, 3 * least)
    example = torch.zeros(2, _channels(detector), *canvas, dtype=_dtype(detector))
    sizes = torch.tensor([canvas, canvas])
    batch = Dim("batch", min=1)
    rows, columns = (Dim(name, min=least // multiple) for name in ("rows", "columns"))
    shapes = ({0: batch, 2: multiple * rows, 3: multiple * columns}, {0: batch})
    program = torch.export.export(_Graph(detector.model), (example, sizes), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names the folders of this machine
    return program


def describe(detector: Detector) -> dict[str, Any]:
    """What a reader of the file has to know: classes, the way of the pixels, canvases, thresholds, versions."""
    resize, last = detector.data.resize, detector.model.roi_heads.postprocess
    return {
        "lumbar": lumbar.__version__,
        "torch": str(torch.__version__),
        "classes": detector.categories.to_dict(),
        "images": {
            "dtype": str(_dtype(detector)).removeprefix("torch."),
            "channels": _channels(detector),
        },
        "resize": {"rule": resize.rule, "short": resize.test_short, "long": resize.long},
        "canvas": canvas_rule(detector)._asdict(),
        "detections": {"score": last.score, "nms_iou": last.nms_iou, "most": last.detections},
    }


def write(program: ExportedProgram, path: Path, *, kind: Format, about: str) -> None:
    """Writes a traced detector.

    Args:
        program: Of `trace`.
        path: The file.
        kind: Its format.
        about: The description, as JSON.
    """
    if kind == "onnx":
        from detection.export_onnx import write_onnx

        write_onnx(program, path, about=about, outputs=Detections._fields)
    else:
        with path.open("w+b") as file, warnings.catch_warnings():
            # Said of each weight that lies channels last, and is written whole all the same.
            warnings.filterwarnings("ignore", message="No complete tensor found in the group")
            torch.export.save(program, file, extra_files={"lumbar.json": about})


def open_exported(path: Path, kind: Format) -> Callable[[Images], Detections]:
    """Opens a file of `write`, to be used on the CPU as `FasterRCNN.predict` is."""
    run: Callable[[Tensor, Tensor], Any]
    if kind == "onnx":
        from detection.export_onnx import open_onnx

        run = open_onnx(path)
    else:
        with path.open("rb") as file:
            run = torch.export.load(file).module()
    return lambda images: Detections(*run(images.canvas, images.sizes))


def _channels(detector: Detector) -> int:
    return len(detector.model.pixels.mean)


def _dtype(detector: Detector) -> torch.dtype:
    """What resizing makes of whole numbers, which depends on its rule."""
    return detector.prepare(np.zeros((1, 1, _channels(detector)), np.uint8)).canvas.dtype
