"""The runs of a study: each is trained once, goes on where it was stopped, and is read from its folder."""

import csv
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.tasks.course import Course
from lumbar.tasks.settings import C
from lumbar.tasks.study_config import StudyConfig
from lumbar.training.load import load_config
from lumbar.training.run_folder import RunFolder
from lumbar.training.signals import Interrupted

_log = logging.getLogger(__name__)


class StudyRun(NamedTuple, Generic[C]):
    """One network with one seed."""

    name: str
    seed: int
    config: C
    folder: RunFolder

    def logged(self, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Reads what was logged under a name.

        Returns:
            (N,) steps, and the (N,) values there.
        """
        with self.folder.metrics.open(newline="", encoding="utf-8") as file:
            rows = [(row["step"], row[column]) for row in csv.DictReader(file) if row[column]]
        steps, values = np.array(rows, dtype=np.float64).T
        return steps, values

    def results(self) -> dict[str, Any]:
        """Reads the scores of the test split, or of the validation split where there is none."""
        scores: dict[str, Any] = json.loads(self.folder.results.read_text(encoding="utf-8"))
        return scores


def runs_of(study: StudyConfig[C], output: Path) -> Iterator[StudyRun[C]]:
    """Lists the runs, all networks with the first seed before any with the second: early figures are fair.

    Args:
        study: The settings.
        output: Folder of all run folders.

    Raises:
        ConfigError: A change names no setting.
    """
    for seed in study.seeds:
        for name, run in study.runs.items():
            config = study.settings(run, seed=seed)
            yield StudyRun(name, seed, config, RunFolder(output / f"{name}-seed{seed}"))


def train_all(runs: Sequence[StudyRun[Any]], train: Course[Any, Any]) -> None:
    """Trains the runs that are not finished, each from its last checkpoint.

    Args:
        runs: Of one study.
        train: The course of its task.

    Raises:
        ValueError: Data or weights are missing or wrong, or a folder holds a run with other settings.
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


def _check_folder(run: StudyRun[Any]) -> None:
    if not run.folder.config.is_file():
        return
    if load_config(type(run.config), run.folder.config) != run.config:
        raise ValueError(
            f"{run.folder.path}: holds a run with other settings than the study's; take another --output, or remove it"
        )
