"""The command line that writes a model for a server."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lumbar.tasks.command_line import guarded


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes a model as ONNX or as a program of torch; the exit code."""
    parser = argparse.ArgumentParser(
        description="Export a model as one file, and compare what it finds with what the model itself finds.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--weights", metavar="FILE", required=True, help="whatever tools/predict.py takes"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, required=True)
    parser.add_argument("--format", choices=("onnx", "pt2"), help="(by the suffix of the output)")
    parser.add_argument(
        "--image",
        nargs="+",
        metavar="FILE",
        default=[],
        help="images to compare on (two of examples/)",
    )
    options = parser.parse_args(arguments)
    options.format = options.format or options.output.suffix.removeprefix(".")
    if options.format not in {"onnx", "pt2"}:
        parser.error(f"the output must be a .onnx or .pt2 file, got {options.output}")
    return guarded(lambda: _export(options))


def _export(options: argparse.Namespace) -> None:
    from lumbar.commands.kinds import task_of

    export = _EXPORTS[task_of(options.weights)]
    export(options)


def _export_detector(options: argparse.Namespace) -> None:
    from detection.detector import Detector
    from detection.export import export_detector

    detector = Detector.load(options.weights)
    export_detector(detector, options.output, kind=options.format, images=options.image)


def _export_segmenter(options: argparse.Namespace) -> None:
    from segmentation.export import export_segmenter
    from segmentation.segmenter import Segmenter

    segmenter = Segmenter.load(options.weights)
    export_segmenter(segmenter, options.output, kind=options.format, images=options.image)


def _export_classifier(options: argparse.Namespace) -> None:
    from classification.classifier import Classifier
    from classification.export import export_classifier

    classifier = Classifier.load(options.weights)
    export_classifier(classifier, options.output, kind=options.format, images=options.image)


_EXPORTS = {
    "detection": _export_detector,
    "segmentation": _export_segmenter,
    "classification": _export_classifier,
}
