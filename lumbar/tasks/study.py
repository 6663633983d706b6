"""A study from its settings to a figure and a table: trains the runs, and lets the task compare them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Generic, NamedTuple, TypeVar

from lumbar.files import atomic_write
from lumbar.tasks.course import Course
from lumbar.tasks.study_config import StudyConfig
from lumbar.tasks.study_runs import StudyRun, runs_of, train_all
from lumbar.training.checkpoint import write_json

_log = logging.getLogger(__name__)

Row = Mapping[str, Any]


class Findings(NamedTuple):
    """What a study found."""

    rows: Sequence[Row]
    """Of the table, one for each network: words, and numbers as `spread` has them."""
    figures: Mapping[str, Path]
    """By their titles."""


T = TypeVar("T", bound=StudyConfig[Any])
Groups = Mapping[str, Sequence[StudyRun[Any]]]
"""The runs of each network, one for each seed."""
Measure = Callable[[T, Groups, Path], Findings]
"""Compares finished runs, and draws figures into a folder."""


@dataclass(frozen=True)
class Study(Generic[T]):
    """The studies of one task: called with settings, it goes from the runs to what they show."""

    train: Course[Any, Any]
    """Trains one of the runs."""
    measures: Mapping[str, Measure[T]]
    """What can be compared, by the values of `measure`."""

    def __call__(self, study: T, output: Path) -> Findings:
        """Trains what is not trained yet, measures, and writes a table (.md, .json) and figures (.svg), named by it.

        Args:
            study: The settings, with absolute paths.
            output: Folder of the results and of the run folders.

        Raises:
            ValueError: There are no runs, data or weights are missing or wrong, or a folder holds a run with other
                settings.
            Interrupted: The study was told to stop; the same command goes on.
        """
        runs = list(runs_of(study, output))
        if not runs:
            raise ValueError("runs: there are none; name the networks that are compared")
        train_all(runs, self.train)
        groups = {name: [run for run in runs if run.name == name] for name in study.runs}
        findings = self.measures[study.measure](study, groups, output)
        table = _table(study, findings.rows)
        with atomic_write(output / f"{study.measure}.md") as unfinished:
            unfinished.write_text(table + "\n", encoding="utf-8")
        write_json(output / f"{study.measure}.json", [dict(row) for row in findings.rows])
        _log.info("\n%s\n", table)
        for title, figure in findings.figures.items():
            _log.info("%-10s%s", title, figure)
        return findings


def spread(values: Sequence[float]) -> list[float]:
    """Median, lowest and highest."""
    return [median(values), min(values), max(values)]


def _table(study: StudyConfig[Any], rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    head = [*rows[0]]
    lines = [[_cell(row[name]) for name in head] for row in rows]
    text = [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)]
    seeds = f"Medians of {len(study.seeds)} seeds, lowest and highest in brackets."
    return "\n".join([study.question, "", *text, "", seeds])


def _cell(value: str | list[float]) -> str:
    if isinstance(value, str):
        return value
    middle, low, high = (f"{number:.3g}" for number in value)
    return middle if low == high else f"{middle} ({low} to {high})"
