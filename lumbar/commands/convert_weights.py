"""The command line that turns weights of other zoos into ours."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lumbar.tasks.command_line import guarded, say


def main(arguments: Sequence[str] | None = None) -> int:
    """Turns weights of another zoo into ours; the exit code."""
    parser = argparse.ArgumentParser(
        description="Convert weights of torchvision, timm, detectron2, MMDetection, MMSegmentation, MMPretrain, "
        "segmentation-models-pytorch or Caffe2: a detector, a segmenter, or a residual network alone for "
        "model.backbone.weights.",
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="SOURCE", help="a .pth, .pkl or .safetensors file")
    parser.add_argument("output", metavar="OUT.safetensors", type=Path)
    parser.add_argument(
        "--style",
        choices=("caffe", "pytorch", "symmetric"),
        help="what no name shows: caffe is BGR pixels not divided by their deviation and the stride in the first 1x1 "
        "convolution, pytorch is RGB divided and the stride in the 3x3, symmetric is RGB from -1 to 1 (as the file "
        "says, or is usual in its zoo)",
    )
    options = parser.parse_args(arguments)
    if options.output.suffix != ".safetensors":
        parser.error(f"the output must be a .safetensors file, got {options.output}")
    return guarded(lambda: _convert(options))


def _convert(options: argparse.Namespace) -> None:
    from detection.convert import convert as convert_other
    from segmentation.convert import convert as convert_segmenter
    from segmentation.convert import holds_segmenter

    is_pickle = Path(options.source).suffix == ".pkl"  # in which no zoo keeps segmenters
    is_segmenter = not is_pickle and holds_segmenter(options.source)
    convert = convert_segmenter if is_segmenter else convert_other
    say(convert(options.source, options.output, options.style))
