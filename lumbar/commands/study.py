"""The command line that repeats an experiment of the papers; the file says which task it is about."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from classification.study_config import ClassifierStudyConfig
from detection.study_config import DetectorStudyConfig
from lumbar.tasks.command_line import add_overrides, guarded, make_parser, say
from lumbar.tasks.settings import from_current_folder, from_root
from lumbar.training.load import dump_config, load_config, project_root

StudySettings = ClassifierStudyConfig | DetectorStudyConfig
_BASE = "base."


class _Kind(BaseModel):
    """The key that says how the others are to be read, which are left for later."""

    task: Literal["classification", "detection"] = "classification"


_SCHEMAS: Mapping[str, type[StudySettings]] = {
    "classification": ClassifierStudyConfig,
    "detection": DetectorStudyConfig,
}


def main(arguments: Sequence[str] | None = None) -> int:
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
    return guarded(lambda: _run(options))


def load_study(source: str | Path, overrides: Sequence[str] = ()) -> StudySettings:
    """Reads the settings of a study and checks those of its runs, without torch; paths become absolute.

    Args:
        source: A YAML file: a path, or the name of one in `configs/`.
        overrides: `key.sub=value` each.

    Raises:
        ConfigError: With a line for each thing that is wrong.
    """
    kind = load_config(_Kind, source, overrides)
    study = load_config(_SCHEMAS[kind.task], source, overrides)
    for run in study.runs.values():
        study.settings(run, seed=study.seeds[0])
    return study.model_copy(update={"base": from_root(study.base, project_root())})


def _run(options: argparse.Namespace) -> None:
    study = load_study(options.config, [_absolute(override) for override in options.overrides])
    if options.print_config:
        say(dump_config(study))
        return
    output = options.output or Path("runs") / Path(options.config).stem
    if isinstance(study, ClassifierStudyConfig):
        from classification.studies import run_study as study_classifiers

        study_classifiers(study, output)
    else:
        from detection.studies import run_study as study_detectors

        study_detectors(study, output)


def _absolute(override: str) -> str:
    """A setting of the base whose path, as all of the command line, starts in the current folder."""
    if not override.startswith(_BASE):
        return override
    return _BASE + from_current_folder(override.removeprefix(_BASE))
