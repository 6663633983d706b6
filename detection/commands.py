"""The command lines of detection: train, evaluate, predict.

Arguments and configs are checked before torch is imported, so that help and mistakes answer at once.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from detection.config import DetectionConfig
from detection.paths import from_current_folder, from_root
from detection.presets import PRESETS
from lumbar.training.load import ConfigError, describe, dump_config, load_config, project_root

_PATHS = """paths: on the command line relative to the current folder; in YAML files relative to the project's root
(for an installed package: to the current folder)."""


def train_main(arguments: Sequence[str] | None = None) -> int:
    """Trains a detector; the exit code."""
    parser = _parser("Train a Faster R-CNN detector.")
    parser.add_argument("--config", metavar="NAME|PATH", help="a file, or a name in configs/")
    _add_overrides(parser)
    parser.add_argument("--output", metavar="DIR", type=Path, help="run folder (runs/NAME-1)")
    parser.add_argument(
        "--resume",
        metavar="auto|PATH",
        help="go on from a checkpoint as if there had been no stop; auto: the run folder's last, or anew without one",
    )
    parser.add_argument(
        "--resume-anyway",
        action="store_true",
        help="go on also where seed, data, model, optimiser or schedule are no longer those of the checkpoint (never "
        "with other classes, or other images per step)",
    )
    parser.add_argument("--print-config", action="store_true", help="show every setting and stop")
    parser.add_argument(
        "--help-config",
        nargs="?",
        const="",
        metavar="SECTION",
        help="explain the settings and stop",
    )
    options = parser.parse_intermixed_args(arguments)
    if options.help_config is not None:
        return _guarded(lambda: print(describe(DetectionConfig, options.help_config or None)))
    if options.config is None:
        parser.error("--config is needed, for example --config faster_rcnn_r50.yaml")
    return _guarded(lambda: _train(options))


def eval_main(arguments: Sequence[str] | None = None) -> int:
    """Scores a detector, or a file of results; the exit code."""
    parser = _parser("Evaluate a detector, or a COCO results file, by COCO's AP.")
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="model.safetensors, or a .pth of torchvision, detectron2 or MMDetection",
    )
    parser.add_argument(
        "--config", metavar="NAME|PATH", help="another config than that of the weights"
    )
    _add_overrides(parser)
    parser.add_argument("--split", choices=("val", "test"), default="val", help="(val)")
    parser.add_argument("--predictions", metavar="FILE", type=Path, help="a COCO results file")
    parser.add_argument("--annotations", metavar="FILE", type=Path, help="its COCO ground truth")
    parser.add_argument("--output", metavar="DIR", type=Path, help="folder for results.json")
    options = parser.parse_intermixed_args(arguments)
    if (options.predictions is None) != (options.annotations is None):
        parser.error("--predictions and --annotations belong together")
    if (options.weights is None) == (options.predictions is None):
        parser.error("give either --weights, or --predictions with --annotations")
    return _guarded(lambda: _evaluate(options))


def predict_main(arguments: Sequence[str] | None = None) -> int:
    """Finds objects in images; the exit code."""
    parser = _parser("Detect objects in images.")
    parser.add_argument(
        "--weights",
        metavar="FILE",
        required=True,
        help="model.safetensors, a .pth of torchvision, detectron2 or MMDetection, or "
        "torchvision/fasterrcnn_resnet50_fpn (or _v2)",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE|FOLDER|GLOB")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True)
    parser.add_argument("--score", type=float, default=0.5, help="lowest score shown (0.5)")
    options = parser.parse_intermixed_args(arguments)
    return _guarded(lambda: _predict(options))


def convert_main(arguments: Sequence[str] | None = None) -> int:
    """Turns weights of another zoo into ours; the exit code."""
    parser = argparse.ArgumentParser(
        description="Convert weights of torchvision, timm, detectron2, MMDetection, MMPretrain or Caffe2: a Faster "
        "R-CNN, or a residual network alone for model.backbone.weights.",
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="SOURCE", help="a .pth, .pkl or .safetensors file")
    parser.add_argument("output", metavar="OUT.safetensors", type=Path)
    parser.add_argument(
        "--style",
        choices=("caffe", "pytorch"),
        help="what no name shows: caffe is BGR pixels not divided by their deviation and the stride in the first 1x1 "
        "convolution, pytorch is RGB divided and the stride in the 3x3 (as the file says, or is usual in its zoo)",
    )
    options = parser.parse_args(arguments)
    if options.output.suffix != ".safetensors":
        parser.error(f"the output must be a .safetensors file, got {options.output}")
    return _guarded(lambda: _convert(options))


def export_main(arguments: Sequence[str] | None = None) -> int:
    """Writes a detector as ONNX or as a program of torch; the exit code."""
    parser = argparse.ArgumentParser(
        description="Export a detector as one file, and compare what it finds with what the detector itself finds.",
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
    return _guarded(lambda: _export(options))


def _train(options: argparse.Namespace) -> None:
    overrides = [from_current_folder(override) for override in options.overrides]
    config = load_config(DetectionConfig, options.config, overrides, presets=PRESETS)
    config = from_root(config, project_root())
    if options.print_config:
        print(dump_config(config), end="")
        return
    from detection.train import train

    train(
        config,
        name=Path(options.config).stem,
        output=options.output,
        resume=options.resume,
        resume_anyway=options.resume_anyway,
    )


def _evaluate(options: argparse.Namespace) -> None:
    if options.predictions is not None:
        from detection.evaluate import evaluate_file

        scores = evaluate_file(options.predictions, options.annotations, options.output)
    else:
        from detection.evaluate import evaluate_weights

        scores = evaluate_weights(
            options.weights,
            config_source=options.config,
            overrides=[from_current_folder(override) for override in options.overrides],
            split=options.split,
            output=options.output,
        )
    if _is_first_process():
        print(scores.table())


def _predict(options: argparse.Namespace) -> None:
    from detection.predict import predict_files

    predict_files(options.weights, options.images, output=options.output, score=options.score)


def _convert(options: argparse.Namespace) -> None:
    from detection.convert import convert

    print(convert(options.source, options.output, options.style))


def _export(options: argparse.Namespace) -> None:
    from detection.detector import Detector
    from detection.export import export_detector

    detector = Detector.load(options.weights)
    export_detector(detector, options.output, kind=options.format, images=options.image)


def _parser(description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=description,
        epilog=_PATHS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_overrides(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "overrides", nargs="*", metavar="key.sub=value", help="settings that win over the config's"
    )


def _guarded(action: Callable[[], None]) -> int:
    """Runs a command; the user's mistakes become a message and exit code 2 (config) or 1 (anything else)."""
    level = logging.INFO if _is_first_process() else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s")
    try:
        action()
    except ConfigError as error:
        print(f"config error:\n{error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"error: {_cause(str(error))}", file=sys.stderr)
        return 1
    return 0


def _is_first_process() -> bool:
    """Whether this is the process that speaks for all that torchrun, SLURM or the Trainer have started."""
    ranks = (os.environ.get(name, "0") for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"))
    return all(rank == "0" for rank in ranks)


def _cause(message: str) -> str:
    """What a loader process had to say, without the traceback that torch puts before it."""
    is_wrapped = message.startswith("Caught ") and "DataLoader worker" in message
    return message.rpartition("Error: ")[2].rstrip() if is_wrapped else message
