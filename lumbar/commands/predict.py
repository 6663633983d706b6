"""The command line that puts a model to use."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lumbar.tasks.command_line import guarded, make_parser

_SCORE = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Finds objects in images, labels their pixels, or names what they show; the exit code."""
    parser = make_parser("Detect objects in images, segment or classify them, as the weights can.")
    parser.add_argument(
        "--weights",
        metavar="FILE",
        required=True,
        help="model.safetensors, a .pth of torchvision, timm, detectron2, MMDetection, MMSegmentation or "
        "segmentation-models-pytorch, or torchvision/NAME: fasterrcnn_resnet50_fpn (or _v2), fcn_resnet50 (or 101), "
        "resnet50 (or another classifier)",
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

    _refuse(options, "inference", "looks for objects in whole images")
    score = _SCORE if options.score is None else options.score
    predict_files(options.weights, options.images, output=options.output, score=score)


def _segment(options: argparse.Namespace) -> None:
    from segmentation.predict import predict_files

    _refuse(options, "score", "labels pixels, which have no scores")
    predict_files(
        options.weights, options.images, output=options.output, inference=options.inference
    )


def _classify(options: argparse.Namespace) -> None:
    from classification.predict import predict_files

    _refuse(options, "score", "names the five best classes of an image, whatever their scores")
    _refuse(options, "inference", "looks at the middle of an image")
    predict_files(options.weights, options.images, output=options.output)


def _refuse(options: argparse.Namespace, name: str, reason: str) -> None:
    """An option that the weights have no use for."""
    given = getattr(options, name)
    if given in (None, []):
        return
    value = " ".join(given) if isinstance(given, list) else given
    raise ValueError(f"--{name} {value}: {options.weights} {reason}; leave it out")


_PREDICTS = {"detection": _detect, "segmentation": _segment, "classification": _classify}
