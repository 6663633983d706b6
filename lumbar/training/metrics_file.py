"""Logged values as a table, one row for each step."""

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from lumbar.files import atomic_write

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
        self._end = 0

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
        """Writes the rows; the last one is kept, and written over if more values come."""
        if not self._rows:
            return
        if set().union(*self._rows) <= set(self._columns):
            with self._path.open("r+", newline="", encoding="utf-8") as file:
                file.seek(self._end)
                self._write(file)
        else:
            self._begin_anew()
        self._rows = self._rows[-1:]

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Writes the rows."""
        self.save()

    def _begin_anew(self) -> None:
        """Writes the file with the columns that it needs now."""
        first = self._rows[0]["step"]
        before = [row for row in self._read() if int(row["step"]) <= first]
        if before and int(before[-1]["step"]) == first:
            # A step that was resumed between its training and its evaluation.
            self._rows[0] = before.pop() | self._rows[0]
        self._rows = before + self._rows
        self._columns = list(dict.fromkeys(key for row in self._rows for key in row))
        with (
            atomic_write(self._path) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.DictWriter(file, self._columns).writeheader()
            self._write(file)

    def _write(self, file: TextIO) -> None:
        writer = csv.DictWriter(file, self._columns)
        writer.writerows(self._rows[:-1])
        self._end = file.tell()
        writer.writerow(self._rows[-1])

    def _read(self) -> list[_Row]:
        if not self._path.is_file():
            return []
        with self._path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
