"""A folder as an export writes it, around a network of a few nodes."""

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from lumbar.data.pixel_classes import PixelClasses
from medical.scans.decision import Decision
from medical.scans.preprocess import Preprocess
from medical.scans.runner import MODEL, SETTINGS, file_hash

CLASSES = PixelClasses.parse({"background": 0, "bright": 200})


def write_export(folder: Path, preprocess: Preprocess, /, **changes: Any) -> Path:
    """Writes a network to which bright pixels of the first channel are likely of the class."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_model(), folder / MODEL)
    settings = {
        "preprocess": preprocess.to_dict(),
        "decision": Decision().to_dict(),
        "classes": CLASSES.to_dict(),
        "hashes": {MODEL: file_hash(folder / MODEL)},
    }
    (folder / SETTINGS).write_text(json.dumps(settings | changes))
    return folder


def _model() -> onnx.ModelProto:
    nodes = [
        # From channel 0 to channel 1 along axis 1.
        helper.make_node("Slice", ["images", "zero", "one", "one"], ["first"]),
        helper.make_node("Div", ["first", "top"], ["likely"]),
        helper.make_node("Sub", ["float_one", "likely"], ["unlikely"]),
        helper.make_node("Concat", ["unlikely", "likely"], ["probabilities"], axis=1),
        helper.make_node("Identity", ["sizes"], ["unused"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", "c", "h", "w"])
    sizes = helper.make_tensor_value_info("sizes", TensorProto.INT64, ["b", 2])
    found = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["b", 2, "h", "w"])
    unused = helper.make_tensor_value_info("unused", TensorProto.INT64, ["b", 2])
    constants = [
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        helper.make_tensor("top", TensorProto.FLOAT, [], [255.0]),
        helper.make_tensor("float_one", TensorProto.FLOAT, [], [1.0]),
    ]
    graph = helper.make_graph(nodes, "bright", [images, sizes], [found, unused], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
