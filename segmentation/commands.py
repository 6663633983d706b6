"""The command lines of segmentation alone: train and evaluate.

Arguments and configs are checked before torch is imported, so that help and mistakes answer at once.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from lumbar.tasks.command_line import eval_command, eval_parser, train_command
from segmentation.config import SegmentationConfig


def train_main(arguments: Sequence[str] | None = None) -> int:
    """Trains a segmenter; the exit code."""
    return train_command(
        arguments,
        description="Train a fully convolutional network for semantic segmentation.",
        schema=SegmentationConfig,
        example="semantic_fpn_r50_ade20k.yaml",
        train=_train,
    )


def eval_main(arguments: Sequence[str] | None = None) -> int:
    """Scores a segmenter, or a folder of masks; the exit code."""
    parser = eval_parser(
        "Evaluate a segmenter, or a folder of predicted masks, by IoU, Dice and the like, pooled and of each image.",
        weights="model.safetensors, or a .pth of torchvision, MMSegmentation or segmentation-models-pytorch",
        predictions="predicted masks, with names and values as the annotated ones; say what these mean by --config, or "
        "by data.classes='{background: 0, nucleus: 255}'",
        annotations="the annotated masks",
        place="FOLDER",
    )
    parser.add_argument(
        "--policy",
        choices=("mmseg", "torchvision", "smp"),
        action="append",
        help="show the numbers of another toolkit for the same predictions, too; can be given several times",
    )
    return eval_command(arguments, parser, _evaluate)


def _train(config: SegmentationConfig, **options: Any) -> None:
    from segmentation.train import train

    train(config, **options)


def _evaluate(options: argparse.Namespace) -> str:
    from segmentation.evaluate import evaluate_folder, evaluate_weights

    overrides = options.overrides
    if options.policy:
        overrides = [*overrides, f"scores.policies=[{', '.join(options.policy)}]"]
    settings = {
        "config_source": options.config,
        "overrides": overrides,
        "split": options.split,
        "output": options.output,
    }
    if options.predictions is not None:
        return evaluate_folder(options.predictions, options.annotations, **settings).table()
    return evaluate_weights(options.weights, **settings).table()
