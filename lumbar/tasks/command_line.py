"""The command line of every task: its options, its messages and its exit codes.

Arguments and configs are checked before torch is imported, so that help and mistakes answer at once.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lumbar.tasks.settings import NO_PRESETS, C, Presets, from_current_folder, load_settings
from lumbar.training.load import ConfigError, describe, dump_config

_PATHS = """paths: on the command line relative to the current folder; in YAML files relative to the project's root
(for an installed package: to the current folder)."""


def train_command(
    arguments: Sequence[str] | None,
    *,
    description: str,
    schema: type[C],
    example: str,
    train: Callable[..., object],
    presets: Presets = NO_PRESETS,
    prog: str | None = None,
) -> int:
    """Trains from a config, or shows or explains its settings.

    Args:
        arguments: Of the command line; None takes those of the process.
        description: What is trained.
        schema: The root of the config.
        example: Name of a config, for the message to those who give none.
        train: Is called with the config, and `name`, `output`, `resume` and `resume_anyway`.
        presets: Settings for each value of the key `preset`.
        prog: Name of the command, where it is not that of the script.

    Returns:
        The exit code.
    """
    parser = make_parser(description, prog=prog)
    parser.add_argument("--config", metavar="NAME|PATH", help="a file, or a name in configs/")
    add_overrides(parser)
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
        return guarded(lambda: print(describe(schema, options.help_config or None)))
    if options.config is None:
        parser.error(f"--config is needed, for example --config {example}")

    def run() -> None:
        config = load_settings(schema, options.config, absolute_overrides(options), presets=presets)
        if options.print_config:
            print(dump_config(config), end="")
            return
        train(
            config,
            name=Path(options.config).stem,
            output=options.output,
            resume=options.resume,
            resume_anyway=options.resume_anyway,
        )

    return guarded(run)


def eval_command(
    arguments: Sequence[str] | None,
    parser: argparse.ArgumentParser,
    evaluate: Callable[[argparse.Namespace], str],
) -> int:
    """Scores weights, or predictions that somebody else has made.

    Args:
        arguments: Of the command line; None takes those of the process.
        parser: Of `eval_parser`.
        evaluate: From the options to what is printed.

    Returns:
        The exit code.
    """
    options = parser.parse_intermixed_args(arguments)
    if (options.predictions is None) != (options.annotations is None):
        parser.error("--predictions and --annotations belong together")
    if (options.weights is None) == (options.predictions is None):
        parser.error("give either --weights, or --predictions with --annotations")
    options.overrides = absolute_overrides(options)
    return guarded(lambda: say(evaluate(options)))


def eval_parser(
    description: str, *, weights: str, predictions: str, annotations: str, place: str
) -> argparse.ArgumentParser:
    """Makes the parser of an evaluation.

    Args:
        description: What is evaluated, and how.
        weights: Which weights it takes.
        predictions: What predictions of others must be.
        annotations: What their ground truth must be.
        place: `FILE` or `FOLDER`, what these two are.
    """
    parser = make_parser(description)
    parser.add_argument("--weights", metavar="FILE", help=weights)
    parser.add_argument(
        "--config", metavar="NAME|PATH", help="another config than that of the weights"
    )
    add_overrides(parser)
    parser.add_argument("--split", choices=("val", "test"), default="val", help="(val)")
    parser.add_argument("--predictions", metavar=place, type=Path, help=predictions)
    parser.add_argument("--annotations", metavar=place, type=Path, help=annotations)
    parser.add_argument("--output", metavar="DIR", type=Path, help="folder for results.json")
    return parser


def make_parser(description: str, *, prog: str | None = None) -> argparse.ArgumentParser:
    """Makes a parser that says where relative paths start, and takes no abbreviations.

    Args:
        description: What the command does.
        prog: Its name, where it is not that of the script.
    """
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=_PATHS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def guarded(action: Callable[[], None]) -> int:
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


def say(text: str) -> None:
    """Prints, on the process that speaks for all."""
    if _is_first_process():
        print(text)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds the settings that win over those of a config, `key.sub=value`."""
    parser.add_argument(
        "overrides", nargs="*", metavar="key.sub=value", help="settings that win over the config's"
    )


def absolute_overrides(options: argparse.Namespace) -> list[str]:
    """The overrides of a command line, whose paths start in the current folder."""
    return [from_current_folder(override) for override in options.overrides]


def _is_first_process() -> bool:
    """Whether this is the process that speaks for all that torchrun, SLURM or the Trainer have started."""
    ranks = (os.environ.get(name, "0") for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"))
    return all(rank == "0" for rank in ranks)


def _cause(message: str) -> str:
    """What a loader process had to say, without the traceback that torch puts before it."""
    is_wrapped = message.startswith("Caught ") and "DataLoader worker" in message
    return message.rpartition("Error: ")[2].rstrip() if is_wrapped else message
