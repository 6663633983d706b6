"""The folder of an export: the network, what is done around it, and the code that does it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lumbar
from lumbar.tasks.export_files import require_packages, write
from lumbar.tasks.export_graph import trace
from lumbar.training.checkpoint import write_json
from medical.delivery.closure import copy_closure
from medical.delivery.ensemble import ensemble_classes
from medical.delivery.ensemble_graph import make_ensemble
from medical.scans.decision import Decision
from medical.scans.preprocess import Preprocess
from medical.scans.runner import MODEL, SETTINGS, file_hash

RUNNER = "runner"
"""Folder of the code."""
SCRIPT = "predict.py"
"""What of it is run."""

_START = """from pathlib import Path
from medical.scans.runner import main
raise SystemExit(main(Path(__file__).resolve().parents[1]))
"""
_ALWAYS = ("numpy", "onnxruntime", "pillow")
_BY_KIND: Mapping[str, str] = {"nifti": "nibabel", "dicom": "pydicom"}


def write_bundle(
    folder: Path,
    weights: Sequence[Path],
    preprocess: Preprocess,
    decision: Decision,
    *,
    kinds: Iterable[str] = (),
) -> Mapping[str, Any]:
    """Writes the networks of some folds as one that needs no torch.

    Args:
        folder: Where everything goes; made where it is missing.
        weights: `model.safetensors` of each fold.
        preprocess: What is done to scans before.
        decision: What is made of the probabilities.
        kinds: Of the scans that it is for, picture, nifti or dicom: what reads them is required.

    Returns:
        What `preprocess.json` says.

    Raises:
        ValueError: Packages that write ONNX are missing, or weights are.
    """
    require_packages("onnx")
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "preprocess": preprocess.to_dict(),
        "decision": decision.to_dict(),
        "classes": ensemble_classes(weights).to_dict(),
        "folds": len(weights),
    }
    exportable = make_ensemble(weights, settings, multiple=preprocess.multiple)
    write(trace(exportable), exportable, folder / MODEL, kind="onnx")
    described = exportable.describe() | {"hashes": {MODEL: file_hash(folder / MODEL)}}
    write_json(folder / SETTINGS, described)
    _write_runner(folder / RUNNER, {*kinds})
    return described


def _write_runner(folder: Path, kinds: set[str]) -> None:
    copy_closure("medical.scans.runner", folder)
    (folder / SCRIPT).write_text(_START, encoding="utf-8")
    lines = "\n".join(_requirements(kinds))
    (folder / "requirements.txt").write_text(f"{lines}\n", encoding="utf-8")


def _requirements(kinds: set[str]) -> Iterator[str]:
    """Packages, each with the version that it was tried with; optional ones behind a hash."""
    yield f"# Python 3.11 or later; written by Lumbar {lumbar.__version__}"
    yield from (f"{name}  # tried with {version(name)}" for name in _ALWAYS)
    for kind, name in _BY_KIND.items():
        needed = "" if kind in kinds else "# "
        yield f"{needed}{name}  # for {kind} files"
