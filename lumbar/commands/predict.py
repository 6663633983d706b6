"""The command line that puts a model to use."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lumbar.tasks.command_line import guarded, make_parser

_SCORE = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Finds objects in images, or labels their pixels; the exit code."""
    parser = make_parser("Detect objects in images, or segment them, as the weights can.")
    parser.add_argument(
        "--weights",
        metavar="FILE",
        required=True,
        help="model.safetensors, a .pth of torchvision, detectron2, MMDetection, MMSegmentation or "
        "segmentation-models-pytorch, or torchvision/NAME: fasterrcnn_resnet50_fpn (or _v2), fcn_resnet50 (or 101)",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE|FOLDER|GLOB")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True)
    parser.add_argument("--score", type=float, help=f"of detectors: lowest score shown ({_SCORE})")
    parser.add_argument(
        "--inference",
        metavar="key=value",
        action="append",
        default=[],
        help="of segmenters: how to look at images, as mode=slide, flips=[horizontal] or scales=[0.75,1,1.5]; can be "
        "given several times (as the weights say; train_seg.py --help-config inference explains all)",
    )
    options = parser.parse_intermixed_args(arguments)
    return guarded(lambda: _predict(options))


def _predict(options: argparse.Namespace) -> None:
    from lumbar.commands.kinds import task_of
    from lumbar.tasks.images import find_images

    find_images(options.images, outside=())  # what is missing is told before weights are read
    predict = _PREDICTS[task_of(options.weights)]
    predict(options)


def _detect(options: argparse.Namespace) -> None:
    from detection.predict import predict_files

    if options.inference:
        raise ValueError(
            f"--inference {' '.join(options.inference)}: {options.weights} looks for objects in whole images; leave it "
            "out"
        )
    score = _SCORE if options.score is None else options.score
    predict_files(options.weights, options.images, output=options.output, score=score)


def _segment(options: argparse.Namespace) -> None:
    from segmentation.predict import predict_files

    if options.score is not None:
        raise ValueError(
            f"--score={options.score}: {options.weights} labels pixels, which have no scores; leave it out"
        )
    predict_files(
        options.weights, options.images, output=options.output, inference=options.inference
    )


_PREDICTS = {"detection": _detect, "segmentation": _segment}
