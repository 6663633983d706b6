"""The command lines of classification alone: train and evaluate.

Arguments and configs are checked before torch is imported, so that help and mistakes answer at once.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classification.config import ClassificationConfig
from lumbar.tasks.command_line import (
    absolute_overrides,
    add_overrides,
    guarded,
    make_parser,
    say,
    train_command,
)


def train_main(arguments: Sequence[str] | None = None) -> int:
    """Trains a classifier; the exit code."""
    return train_command(
        arguments,
        description="Train a residual network to classify images; detectors and segmenters can start from it.",
        schema=ClassificationConfig,
        example="cls_r18_bccd.yaml",
        train=_train,
    )


def eval_main(arguments: Sequence[str] | None = None) -> int:
    """Scores a classifier, or the features that it has learned; the exit code."""
    parser = make_parser(
        "Evaluate a classifier by its top-1 and top-5, by class, and by what it takes for what; or its features."
    )
    parser.add_argument(
        "--weights", metavar="FILE", required=True, help="whatever tools/predict.py takes"
    )
    parser.add_argument(
        "--config", metavar="NAME|PATH", help="another config than that of the weights"
    )
    add_overrides(parser)
    parser.add_argument("--split", choices=("val", "test"), default="val", help="(val)")
    parser.add_argument("--output", metavar="DIR", type=Path, help="folder for results.json")
    parser.add_argument(
        "--features",
        action="store_true",
        help="score the features before the last layer instead, of any classes: by nearest neighbours in the training "
        "split, by a linear probe on it, and by pairs as faces are verified; --output gets them as .npz, too",
    )
    options = parser.parse_intermixed_args(arguments)
    return guarded(lambda: say(_evaluate(options)))


def _train(config: ClassificationConfig, **options: Any) -> None:
    from classification.train import train

    train(config, **options)


def _evaluate(options: argparse.Namespace) -> str:
    settings = {
        "config_source": options.config,
        "overrides": absolute_overrides(options),
        "split": options.split,
        "output": options.output,
    }
    if options.features:
        from classification.evaluate_features import evaluate_features

        return evaluate_features(options.weights, **settings).table()
    from classification.evaluate import evaluate_weights

    return evaluate_weights(options.weights, **settings).table()
