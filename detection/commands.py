"""The command lines of detection alone: train and evaluate.

Arguments and configs are checked before torch is imported, so that help and mistakes answer at once.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from detection.config import DetectionConfig
from detection.presets import PRESETS
from lumbar.tasks.command_line import eval_command, eval_parser, train_command


def train_main(arguments: Sequence[str] | None = None) -> int:
    """Trains a detector; the exit code."""
    return train_command(
        arguments,
        description="Train a Faster R-CNN detector.",
        schema=DetectionConfig,
        example="faster_rcnn_r50.yaml",
        train=_train,
        presets=PRESETS,
    )


def eval_main(arguments: Sequence[str] | None = None) -> int:
    """Scores a detector, or a file of results; the exit code."""
    parser = eval_parser(
        "Evaluate a detector, or a COCO results file, by COCO's AP.",
        weights="model.safetensors, or a .pth of torchvision, detectron2 or MMDetection",
        predictions="a COCO results file",
        annotations="its COCO ground truth",
        place="FILE",
    )
    return eval_command(arguments, parser, _evaluate)


def _train(config: DetectionConfig, **options: Any) -> None:
    from detection.train import train

    train(config, **options)


def _evaluate(options: argparse.Namespace) -> str:
    from detection.evaluate import evaluate_file, evaluate_weights

    if options.predictions is not None:
        return evaluate_file(options.predictions, options.annotations, options.output).table()
    return evaluate_weights(
        options.weights,
        config_source=options.config,
        overrides=options.overrides,
        split=options.split,
        output=options.output,
    ).table()
