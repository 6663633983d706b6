"""What ONNX calls the operators of a detector, and the files that come of it.

`nms_keep` becomes NonMaxSuppression, and RoIAlign's weighted sum of feature rows becomes one Gather for each row of the
sum; the exporter knows everything else.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime
import torch
from onnxscript import opset20
from torch import Tensor
from torch.export import ExportedProgram

from lumbar.ops.nms import nms_keep  # noqa: F401 - makes torch.ops.lumbar.nms_keep

op: Any = opset20  # its types are those of onnxscript's own language, not of the values of a traced function
OPSET = 20
"""Every runtime since 2024 reads it (ONNX 1.15)."""

_NMS = torch.ops.lumbar.nms_keep.default
_BAGS = torch.ops.aten.embedding_bag.padding_idx

_NAMES = {"images": {0: "batch", 2: "height", 3: "width"}, "sizes": None}

_log = logging.getLogger(__name__)


def write_onnx(
    program: ExportedProgram, path: Path, *, about: str, outputs: tuple[str, ...]
) -> None:
    """Writes a detector as ONNX.

    Args:
        program: Takes `images` and `sizes`.
        path: The file.
        about: Its description, which goes into the file's metadata under the key "lumbar".
        outputs: Names of what the program returns.
    """
    for chatty in ("onnx_ir", "onnxscript"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    translated = torch.onnx.export(
        program,
        opset_version=OPSET,
        input_names=["images", "sizes"],
        output_names=outputs,
        dynamic_shapes=_NAMES,
        custom_translation_table={_NMS: _nms_keep, _BAGS: _embedding_bag(_taps(program))},
        verbose=False,
    )
    assert translated is not None
    translated.model.metadata_props["lumbar"] = about
    translated.save(path)
    _log.info("ONNX opset %d", OPSET)


def open_onnx(path: Path) -> Callable[[Tensor, Tensor], list[Tensor]]:
    """Opens an ONNX file in onnxruntime, on as many threads of the CPU as torch uses.

    Args:
        path: The file.

    Returns:
        A function of a canvas (B, C, H, W) and sizes (B, 2).
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor, sizes: Tensor) -> list[Tensor]:
        """Outputs for a canvas (B, C, H, W) with sizes (B, 2)."""
        found = session.run(None, {"images": images.numpy(), "sizes": sizes.numpy()})
        return [torch.from_numpy(array) for array in found]

    return run


def _nms_keep(boxes: Any, labels: Any, valid: Any, iou: float) -> Any:
    """NonMaxSuppression with ranks for scores: no two are equal, and boxes that do not take part have none."""
    count = op.Shape(valid, start=-1)
    row_shape = op.Concat(op.Constant(value_ints=[-1]), count, axis=0)
    rows, row_labels = op.Reshape(valid, row_shape), op.Reshape(labels, row_shape)
    classes = op.Range(0, op.Add(op.ReduceMax(labels, keepdims=0), 1), 1)
    own = op.Equal(op.Unsqueeze(row_labels, [1]), op.Unsqueeze(classes, [1]))
    ranks = op.Cast(op.Range(op.Squeeze(count), 0, -1), to=ir.DataType.FLOAT)
    kept = op.NonMaxSuppression(
        op.Reshape(boxes, op.Concat(op.Shape(rows), op.Constant(value_ints=[4]), axis=0)),
        op.Where(op.And(own, op.Unsqueeze(rows, [1])), ranks, 0.0),
        count,
        [_largest_float32(iou)],
        [0.5],
    )
    row_and_box = op.Gather(kept, [0, 2], axis=1)
    marks = op.Expand(True, op.Shape(kept, end=1))  # noqa: FBT003 - a value of the graph
    keep = op.ScatterND(op.And(rows, False), row_and_box, marks)  # noqa: FBT003
    return op.Reshape(keep, op.Shape(valid))


def _largest_float32(limit: float) -> float:
    """The largest float32 up to `limit`: a float32 overlap exceeds it just when it exceeds `limit` itself."""
    rounded = np.float32(limit)
    return float(rounded if float(rounded) <= limit else np.nextafter(rounded, np.float32(0)))


def _taps(program: ExportedProgram) -> int:
    """How many rows each bag of the program adds up; 1 where it has no bags."""
    values = (
        [argument.meta["val"].numel() for argument in node.args[1:3]]
        for node in program.graph.nodes
        if node.target is _BAGS
    )
    counts = {int(rows // bags) for rows, bags in values}
    assert len(counts) <= 1
    return counts.pop() if counts else 1


def _embedding_bag(taps: int) -> Callable[..., Any]:
    """The operator for bags of `taps` rows each; summed row by row, so that no row is held for all bags at once."""

    def embedding_bag(  # noqa: PLR0913, PLR0917 - as torch's operator has them
        weight: Any,
        indices: Any,
        offsets: Any,
        scale_grad_by_freq: Any,
        mode: Any,
        sparse: Any,
        per_sample_weights: Any,
        include_last_offset: Any,
        padding_idx: Any,
    ) -> Any:
        rows = op.Split(op.Reshape(indices, [-1, taps]), axis=1, num_outputs=taps)
        factors = op.Split(op.Reshape(per_sample_weights, [-1, taps]), axis=1, num_outputs=taps)
        total: Any = None
        for row, factor in zip(rows, factors, strict=True):
            term = op.Mul(op.Gather(weight, op.Squeeze(row, [1]), axis=0), factor)
            total = term if total is None else op.Add(total, term)
        return total, offsets, offsets, offsets

    return embedding_bag
