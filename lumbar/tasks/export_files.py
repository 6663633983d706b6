"""Traced models in files of two formats, each with its description inside."""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from torch.export import ExportedProgram

from lumbar.tasks.export_graph import Exportable, Run

Format = Literal["onnx", "pt2"]


def require_packages(kind: Format) -> None:
    """Refuses to begin what cannot be brought to an end.

    Raises:
        ValueError: Packages that write or read the format are missing.
    """
    needed = ("onnx", "onnxruntime", "onnxscript") if kind == "onnx" else ()
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"ONNX needs {', '.join(missing)}: pip install 'lumbar[export]', or write a .pt2"
        )


def write(program: ExportedProgram, exportable: Exportable, path: Path, *, kind: Format) -> None:
    """Writes a traced model, with its description: in the metadata of ONNX, in a .pt2 as the file "lumbar.json"."""
    if kind == "onnx":
        from lumbar.tasks.export_onnx import write_onnx

        write_onnx(program, exportable, path)
    else:
        about = {"lumbar.json": json.dumps(exportable.describe())}
        with path.open("w+b") as file, warnings.catch_warnings():
            # Said of each weight that lies channels last, and is written whole all the same.
            warnings.filterwarnings("ignore", message="No complete tensor found in the group")
            torch.export.save(program, file, extra_files=about)


def open_exported(path: Path, kind: Format) -> Run:
    """Opens a file of `write`, to be used on the CPU."""
    if kind == "onnx":
        from lumbar.tasks.export_onnx import open_onnx

        return open_onnx(path)
    with path.open("rb") as file:
        run: Run = torch.export.load(file).module()
    return run
