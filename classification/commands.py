"""The command lines of classification alone: train, evaluate, and repeat the founding experiments.

Arguments and configs are checked before torch is imported, so that help and mistakes answer at once.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classification.config import ClassificationConfig
from classification.study_config import StudyConfig
from lumbar.tasks.command_line import (
    absolute_overrides,
    add_overrides,
    guarded,
    make_parser,
    say,
    train_command,
)
from lumbar.tasks.settings import from_root
from lumbar.training.load import dump_config, load_config, override_config, project_root


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
    parser.add_argument("--weights", metavar="FILE", required=True, help="model.safetensors")
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


def study_main(arguments: Sequence[str] | None = None) -> int:
    """Repeats an experiment of the papers; the exit code."""
    parser = make_parser(
        "Train networks that differ in one thing, and compare them: a figure, and a table beside the papers' numbers. "
        "The same command goes on where a study was stopped."
    )
    parser.add_argument(
        "--config", metavar="NAME|PATH", required=True, help="a study, as study_depth.yaml"
    )
    add_overrides(parser)
    parser.add_argument("--output", metavar="DIR", type=Path, help="folder (runs/NAME)")
    parser.add_argument("--print-config", action="store_true", help="show every setting and stop")
    options = parser.parse_intermixed_args(arguments)
    return guarded(lambda: _study(options))


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


def _study(options: argparse.Namespace) -> None:
    study = load_study(options.config, options.overrides)
    if options.print_config:
        say(dump_config(study))
        return
    from classification.studies import run_study

    run_study(study, options.output or Path("runs") / Path(options.config).stem)


def load_study(source: str | Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """Reads the settings of a study, and makes the paths of its base absolute.

    Args:
        source: A YAML file: a path, or the name of one in `configs/`.
        overrides: `key.sub=value` each.

    Raises:
        ConfigError: With a line for each thing that is wrong.
    """
    study = load_config(StudyConfig, source, overrides)
    base = from_root(study.base, project_root())
    for run in study.runs.values():
        override_config(base, run.changes)
    return study.model_copy(update={"base": base})
