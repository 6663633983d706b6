"""Logged values as a table, one row for each step."""

import csv
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from lumbar.training.checkpoint import atomic_write

_Row = dict[str, Any]


class MetricsFile(Logger):
    """A CSV file whose columns come as values are first logged.

    A resumed run goes on with the file that it finds; rows of steps that it takes again are replaced.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._columns: list[str] = []
        self._rows: list[_Row] = []

    @property
    def name(self) -> str:
        """Nothing: the run folder has the name."""
        return ""

    @property
    def version(self) -> str:
        """Nothing: the run folder has the number."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: object, **__: object) -> None:
        """Nothing: the run folder has the config."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds values to the row of `step`."""
        if not self._rows or self._rows[-1]["step"] != step:
            self._rows.append({"step": step})
        self._rows[-1] |= metrics

    @rank_zero_only
    def save(self) -> None:
        """Writes the rows that are complete: all but the last."""
        self._write(self._rows[:-1])
        self._rows = self._rows[-1:]

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Writes the last row, too."""
        self._write(self._rows)
        self._rows = []

    def _write(self, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        if set().union(*rows) <= set(self._columns):
            with self._path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns).writerows(rows)
            return
        rows = [row for row in self._read() if int(row["step"]) < rows[0]["step"]] + list(rows)
        self._columns = list(dict.fromkeys(key for row in rows for key in row))
        with (
            atomic_write(self._path) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)

    def _read(self) -> list[_Row]:
        if not self._path.is_file():
            return []
        with self._path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
