"""Traced models as ONNX files, which onnxruntime runs without torch."""

import json
import logging
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor
from torch.export import ExportedProgram

from lumbar.tasks.export_graph import Exportable, Run

OPSET = 20
"""Every runtime since 2024 reads it (ONNX 1.15)."""

_AXES = {0: "batch", 2: "height", 3: "width"}

_log = logging.getLogger(__name__)


def write_onnx(program: ExportedProgram, exportable: Exportable, path: Path) -> None:
    """Writes a traced model, with its description in the file's metadata under the key "lumbar"."""
    for chatty in ("onnx_ir", "onnxscript"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    free = (0, *exportable.inputs.canvas.free())
    translated = torch.onnx.export(
        program,
        opset_version=OPSET,
        input_names=["images", "sizes"],
        output_names=exportable.outputs,
        dynamic_shapes={"images": {axis: _AXES[axis] for axis in free}, "sizes": None},
        custom_translation_table=dict(exportable.translate(program)),
        verbose=False,
    )
    assert translated is not None
    translated.model.metadata_props["lumbar"] = json.dumps(exportable.describe())
    translated.save(path)
    _log.info("ONNX opset %d", OPSET)


def open_onnx(path: Path) -> Run:
    """Opens a file in onnxruntime, on as many threads of the CPU as torch uses."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor, sizes: Tensor) -> list[Tensor]:
        """Outputs for a canvas (B, C, H, W) with sizes (B, 2)."""
        found = session.run(None, {"images": images.numpy(), "sizes": sizes.numpy()})
        return [torch.from_numpy(array) for array in found]

    return run
