"""The command line of medical segmentation: check, fit, report, predict, export, boxes and froc.

Arguments and configs are checked before torch is imported, so that help and mistakes answer at once.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lumbar.tasks.command_line import (
    absolute_overrides,
    add_overrides,
    guarded,
    make_parser,
    say,
    train_command,
)
from lumbar.tasks.settings import load_settings
from medical.study.config import MedicalConfig

_PROG = "medical.py"
_NOT_READY = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one of the commands; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in _COMMANDS:
        return _COMMANDS[words[0]](words[1:])
    parser = make_parser(_HELP, prog=_PROG)
    parser.add_argument("command", choices=_COMMANDS, help="medical.py COMMAND --help says more")
    parser.parse_args(words)
    return 0


def _check(arguments: Sequence[str]) -> int:
    parser = _parser("check", "Read every file of a study, and say what would spoil its training.")
    _add_config(parser)
    parser.add_argument("--output", metavar="DIR", type=Path, help="(check/NAME)")
    options = parser.parse_intermixed_args(arguments)
    ready = []

    def run() -> None:
        from medical.study.check import check

        config, name = _config(options)
        output = options.output or Path("check", name)
        ready.append(check(config, config_name=name, output=output).ready)

    return guarded(run) or (0 if all(ready) else _NOT_READY)


def _fit(arguments: Sequence[str]) -> int:
    return train_command(
        arguments,
        prog=f"{_PROG} fit",
        description="Train by cross-validation over patients, and predict every case by a model that never saw it.",
        schema=MedicalConfig,
        example="medical_nuclei.yaml",
        train=_train,
    )


def _report(arguments: Sequence[str]) -> int:
    parser = _parser("report", "Score every case as a model predicted it that never saw it.")
    _add_run(parser)
    parser.add_argument("--output", metavar="DIR", type=Path, help="(RUN/report)")
    parser.add_argument(
        "--compare", metavar="RUN", type=Path, help="another run on the same cases, side by side"
    )
    options = parser.parse_args(arguments)

    def run() -> None:
        from medical.report.report import report

        report(options.run, output=options.output, compare=options.compare)

    return guarded(run)


def _predict(arguments: Sequence[str]) -> int:
    parser = _parser("predict", "Segment new cases by all folds together.")
    _add_run(parser)
    parser.add_argument("scans", nargs="+", metavar="FILE|FOLDER|GLOB")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True)
    parser.add_argument("--maps", action="store_true", help="probabilities and uncertainty, too")
    parser.add_argument("--seg", action="store_true", help="DICOM series: write DICOM-SEG, too")
    parser.add_argument("--device", default="auto", help="cpu or cuda (auto)")
    options = parser.parse_args(arguments)

    def run() -> None:
        from medical.delivery.predict import predict

        predict(
            options.run,
            options.scans,
            options.output,
            device=options.device,
            maps=options.maps,
            seg=options.seg,
        )

    return guarded(run)


def _export(arguments: Sequence[str]) -> int:
    parser = _parser(
        "export", "Write an ONNX file of all folds, with all it needs to run without torch."
    )
    _add_run(parser)
    parser.add_argument("--output", metavar="DIR", type=Path, required=True)
    parser.add_argument(
        "--verify", metavar="N", type=int, default=20, help="cases to compare with torch (20)"
    )
    options = parser.parse_args(arguments)

    def run() -> None:
        from medical.delivery.export import export

        export(options.run, options.output, verify=options.verify)

    return guarded(run)


def _boxes(arguments: Sequence[str]) -> int:
    parser = _parser("boxes", "Write the lesions of the masks as boxes, to train a detector on.")
    _add_config(parser)
    parser.add_argument("--output", metavar="DIR", type=Path, required=True)
    options = parser.parse_intermixed_args(arguments)

    def run() -> None:
        from medical.delivery.boxes import boxes

        config, _ = _config(options)
        boxes(config, output=options.output)

    return guarded(run)


def _froc(arguments: Sequence[str]) -> int:
    parser = _parser("froc", "Score detections by sensitivity at false positives an image.")
    parser.add_argument(
        "--detections", metavar="FILE", type=Path, required=True, help="results as COCO JSON"
    )
    parser.add_argument(
        "--annotations", metavar="FILE", type=Path, required=True, help="the truth as COCO JSON"
    )
    options = parser.parse_args(arguments)

    def run() -> None:
        from medical.delivery.boxes import froc_of_files

        say(froc_of_files(options.detections, options.annotations).table())

    return guarded(run)


def _train(config: MedicalConfig, **options: Any) -> None:
    from medical.learning.fit import fit

    fit(config, **options)


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return make_parser(description, prog=f"{_PROG} {command}")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="NAME|PATH", required=True, help="a file, or a name in configs/"
    )
    add_overrides(parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the run folder of a fit")


def _config(options: argparse.Namespace) -> tuple[MedicalConfig, str]:
    config = load_settings(MedicalConfig, options.config, absolute_overrides(options))
    return config, Path(options.config).stem


_HELP = """Medical image segmentation, slice by slice: from a folder of annotated cases to a report one can trust.

  check    read every file, and say what would spoil the training
  fit      train by cross-validation over patients
  report   score every case as a model predicted it that never saw it
  predict  segment new cases by all folds together
  export   ONNX, and a runner without torch
  boxes    masks to boxes, to train a detector on
  froc     score detections by false positives an image"""
_COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "check": _check,
    "fit": _fit,
    "report": _report,
    "predict": _predict,
    "export": _export,
    "boxes": _boxes,
    "froc": _froc,
}
