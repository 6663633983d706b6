"""What ONNX calls the operators of a detector that the exporter does not know.

`nms_keep` becomes NonMaxSuppression, and RoIAlign's weighted sum of feature rows becomes one Gather for each row of the
sum.
"""

from collections.abc import Callable
from typing import Any

import onnx_ir as ir
import torch
from onnxscript import opset20
from torch.export import ExportedProgram

from lumbar.ops.nms import nms_keep  # noqa: F401 - makes torch.ops.lumbar.nms_keep
from lumbar.ops.precision import round_down
from lumbar.tasks.export_graph import Translations

op: Any = opset20  # its types are those of onnxscript's own language, not of the values of a traced function

_NMS = torch.ops.lumbar.nms_keep.default
_BAGS = torch.ops.aten.embedding_bag.padding_idx


def translations(program: ExportedProgram) -> Translations:
    """Finds what the operators of this program are in ONNX."""
    return {_NMS: _nms_keep, _BAGS: _embedding_bag(_taps(program))}


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
        [round_down(iou, torch.float32)],
        [0.5],
    )
    row_and_box = op.Gather(kept, [0, 2], axis=1)
    marks = op.Expand(True, op.Shape(kept, end=1))  # noqa: FBT003 - a value of the graph
    keep = op.ScatterND(op.And(rows, False), row_and_box, marks)  # noqa: FBT003
    return op.Reshape(keep, op.Shape(valid))


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
