"""Prediction without torch: an exported network in onnxruntime, surrounded by the same code as in training.

Of an export, `runner/` holds a copy of this file and of all that it imports.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import PixelClasses
from medical.scans.decision import Decision
from medical.scans.pipeline import Network
from medical.scans.prediction import Predictor
from medical.scans.preprocess import Preprocess
from medical.scans.results import FOLDERS, predict_sources
from medical.scans.sources import Source, find_sources

MODEL, SETTINGS = "model.onnx", "preprocess.json"
"""Files of an export."""

_log = logging.getLogger(__name__)


def main(export: Path, arguments: Sequence[str] | None = None) -> int:
    """Predicts the scans of a command line.

    Args:
        export: Folder of the exported files.
        arguments: Of the command line; None takes those of the process.

    Returns:
        The exit code: 0, or 1 where something could not be done.
    """
    options = _parser().parse_intermixed_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        _predict(export, options)
    except ValueError as error:
        _log.error("error: %s", error)
        return 1
    return 0


def load_predictor(export: Path, *, batch: int = 8, threads: int = 0) -> Predictor:
    """Opens an export.

    Args:
        export: Its folder.
        batch: The most tiles that the network gets at a time.
        threads: Of the CPU; 0 takes as many as there are cores.

    Raises:
        ValueError: Files are missing or damaged, or do not belong together.
    """
    settings = _read_settings(export / SETTINGS)
    try:
        preprocess = Preprocess.from_dict(settings["preprocess"])
        decision = Decision.from_dict(settings["decision"])
        classes = PixelClasses.from_dict(settings["classes"])
        wanted = settings["hashes"][MODEL]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{export / SETTINGS}: no settings of an export ({error})") from error
    if file_hash(export / MODEL) != wanted:
        raise ValueError(
            f"{export / MODEL} is not the file that {SETTINGS} beside it was written with: export again"
        )
    network = onnx_network(export / MODEL, threads=threads)
    return Predictor(network, preprocess, decision, classes, batch)


def onnx_network(path: Path, *, threads: int = 0) -> Network:
    """Opens a network that takes `images` (B, C, h, w) and their `sizes` (B, 2), and gives `probabilities`.

    Args:
        path: The ONNX file.
        threads: Of the CPU; 0 takes as many as there are cores.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def network(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Inputs (B, C, h, w) to probabilities (B, K, h, w)."""
        sizes = np.tile(np.array(canvas.shape[2:], np.int64), (len(canvas), 1))
        found: NDArray[np.float32]
        (found,) = session.run(["probabilities"], {"images": canvas, "sizes": sizes})
        return found

    return network


def file_hash(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        ValueError: It is missing.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; export again") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Segment pictures and scans: PNG, TIFF, JPEG, NIfTI, DICOM series.",
        allow_abbrev=False,
    )
    parser.add_argument("scans", nargs="+", metavar="FILE|FOLDER|GLOB")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True)
    parser.add_argument("--maps", action="store_true", help="probabilities and uncertainty, too")
    parser.add_argument("--batch", metavar="N", type=int, default=8, help="tiles at a time (8)")
    parser.add_argument(
        "--threads", metavar="N", type=int, default=0, help="of the CPU (as many as it has cores)"
    )
    return parser


def _predict(export: Path, options: argparse.Namespace) -> None:
    predictor = load_predictor(export, batch=options.batch, threads=options.threads)
    sources = find_sources(
        options.scans,
        channels=predictor.preprocess.channels,
        outside=[options.output / folder for folder in FOLDERS],
    )

    def told() -> Iterator[Source]:
        for number, source in enumerate(sources, start=1):
            _log.info("%d of %d  %s", number, len(sources), source.name)
            yield source

    predict_sources(predictor, told(), options.output, maps=options.maps)


def _read_settings(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: no such file; the runner lies in a folder of an export"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error}); export again") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path}: no settings of an export; export again")
    return settings
