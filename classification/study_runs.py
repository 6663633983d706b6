"""The runs of a study: each is trained once, goes on where it was stopped, and is read from its folder."""

import csv
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classification.config import ClassificationConfig
from classification.study_config import StudyConfig
from classification.train import train
from lumbar.training.load import load_config, override_config
from lumbar.training.run_folder import RunFolder
from lumbar.training.signals import Interrupted

_log = logging.getLogger(__name__)

_BINS = 30
_LAST = 0.1


class StudyRun(NamedTuple):
    """One network with one seed."""

    name: str
    seed: int
    config: ClassificationConfig
    folder: RunFolder


def runs_of(study: StudyConfig, output: Path) -> Iterator[StudyRun]:
    """Lists the runs, all networks with the first seed before any with the second: early figures are fair.

    Args:
        study: The settings.
        output: Folder of all run folders.

    Raises:
        ConfigError: A change names no setting.
    """
    for seed in study.seeds:
        for name, run in study.runs.items():
            config = override_config(study.base, [*run.changes, f"seed={seed}"])
            yield StudyRun(name, seed, config, RunFolder(output / f"{name}-seed{seed}"))


def train_all(runs: Sequence[StudyRun]) -> None:
    """Trains the runs that are not finished, each from its last checkpoint.

    Raises:
        ValueError: Data are missing or wrong, or a folder holds a run with other settings.
        Interrupted: The study was told to stop; the same command goes on.
    """
    for number, run in enumerate(runs, start=1):
        _check_folder(run)
        if run.folder.results.is_file():
            continue
        _log.info("run %d of %d: %s with seed %d", number, len(runs), run.name, run.seed)
        try:
            train(run.config, name=run.name, output=run.folder.path, resume="auto")
        except Interrupted:
            _log.info("the command of the study, as it was given, goes on from there")
            raise


def training_errors(run: StudyRun) -> list[tuple[float, float]]:
    """Reads the training error of a run, the share of wrong answers to images as they were shown.

    Returns:
        At most 30 points: the middle of some steps, and the mean error in percent over them.
    """
    steps, errors = _logged_errors(run)
    bins = np.array_split(np.arange(len(steps)), min(_BINS, len(steps)))
    return [(float(steps[part].mean()), float(100 * errors[part].mean())) for part in bins]


def final_training_error(run: StudyRun) -> float:
    """Percent of wrong answers in the last tenth of the steps."""
    _, errors = _logged_errors(run)
    return float(100 * errors[-max(1, round(_LAST * len(errors))) :].mean())


def final_error(run: StudyRun) -> float:
    """Percent of wrong answers on the test split, or on the validation split where there is none."""
    results: Mapping[str, Mapping[str, float]] = json.loads(run.folder.results.read_text())
    return 100 * (1 - results["summary"]["top1"])


def _logged_errors(run: StudyRun) -> tuple[np.ndarray, np.ndarray]:
    with run.folder.metrics.open(newline="", encoding="utf-8") as file:
        rows = [(row["step"], row["train/error"]) for row in csv.DictReader(file)]
    steps, errors = np.array([row for row in rows if row[1]], dtype=np.float64).T
    return steps, errors


def _check_folder(run: StudyRun) -> None:
    if not run.folder.config.is_file():
        return
    if load_config(ClassificationConfig, run.folder.config) != run.config:
        raise ValueError(
            f"{run.folder.path}: holds a run with other settings than the study's; take another --output, or remove it"
        )
