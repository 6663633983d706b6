"""The table of all cases of a study with their scores, as CSV for people and as JSON for programs."""

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lumbar.files import atomic_write
from medical.scores.bootstrap import RESAMPLES
from medical.scores.policies import OF_FOREGROUND
from medical.scores.rows import Row
from medical.scores.summary import Summary, Unit, summarise

_STRATUM = "stratum:"
_SURFACE_DICE = re.compile(r"surface_dice_(.+)_(mm|px)")


@dataclass(frozen=True)
class CaseTable:
    """The rows of a study: each case has one for each foreground class."""

    rows: tuple[Row, ...]
    """In the order in which they are shown."""
    unit: Unit
    """Of lengths; volumes are in mm^3 or pixels."""
    tolerance: float
    """Of the surface Dice, in this unit."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the rows."""
        return tuple(dict.fromkeys(row.class_name for row in self.rows))

    @property
    def aliases(self) -> tuple[str, ...]:
        """Of the cases, in the order of the rows."""
        return tuple(dict.fromkeys(row.alias for row in self.rows))

    @property
    def strata(self) -> tuple[str, ...]:
        """The columns of further facts."""
        return tuple(dict.fromkeys(column for row in self.rows for column in row.strata))

    def select(self, keep: Callable[[Row], bool]) -> Self:
        """The rows of which `keep` is true, as a table of their own."""
        return type(self)(tuple(filter(keep, self.rows)), self.unit, self.tolerance)

    def by_stratum(self, column: str) -> dict[str, Self]:
        """A table for each value of a column of further facts, in ascending order."""
        parts: dict[str, list[Row]] = {}
        for row in self.rows:
            parts.setdefault(row.strata.get(column, ""), []).append(row)
        return {
            value: type(self)(tuple(parts[value]), self.unit, self.tolerance)
            for value in sorted(parts)
        }

    def case_dice(self) -> dict[str, float]:
        """One number for each case, by which the worst are found: the mean Dice of the classes there or predicted.

        Returns:
            By alias; NaN where nothing was there and nothing was predicted.
        """
        found: dict[str, list[float]] = {alias: [] for alias in self.aliases}
        for row in self.rows:
            if not math.isnan(row.scores.dice):
                found[row.alias].append(row.scores.dice)
        return {alias: sum(dice) / len(dice) if dice else math.nan for alias, dice in found.items()}

    def summary(self, *, resamples: int = RESAMPLES, seed: int = 0) -> Summary:
        """Averages the rows: pooled, case and lesion numbers, with intervals over patients.

        Args:
            resamples: Number of draws of patients.
            seed: Of the draws.
        """
        by_class = {
            name: [row for row in self.rows if row.class_name == name] for name in self.class_names
        }
        return summarise(
            {name: [row.scores for row in rows] for name, rows in by_class.items()},
            {name: [row.patient for row in rows] for name, rows in by_class.items()},
            unit=self.unit,
            resamples=resamples,
            seed=seed,
        )

    def policies(self) -> dict[str, float]:
        """The mean Dice that other toolkits would report for the same masks, by their calls."""
        volumes = self.volumes()
        return {name: policy(volumes) for name, policy in OF_FOREGROUND.items()}

    def volumes(self) -> NDArray[np.float64]:
        """The volumes of each case and class.

        Returns:
            (N, C, 3): shared by both masks, true, predicted; 0 where a case has no row of a class.
        """
        cases = {alias: place for place, alias in enumerate(self.aliases)}
        names = {name: place for place, name in enumerate(self.class_names)}
        volumes = np.zeros((len(cases), len(names), 3))
        for row in self.rows:
            found = row.scores
            sizes = (found.intersection, found.reference_volume, found.predicted_volume)
            volumes[cases[row.alias], names[row.class_name]] = sizes
        return volumes

    def to_csv(self, path: Path) -> None:
        """Writes a line for each row; units stand in the header, and what is NaN is empty.

        Raises:
            UnwritableError: The system refuses to write.
        """
        header = [_column(key, self.unit, self.tolerance) for key in _KEYS]
        with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*header, *(f"{_STRATUM}{column}" for column in self.strata)])
            for row in self.rows:
                values = row.to_dict()
                strata = [row.strata.get(column, "") for column in self.strata]
                writer.writerow([*(values[key] for key in _KEYS), *strata])

    @classmethod
    def from_csv(cls, path: Path) -> Self:
        """Reads what `to_csv` wrote.

        Raises:
            ValueError: The file is missing, or is something else.
        """
        try:
            with path.open(encoding="utf-8", newline="") as file:
                header, *lines = csv.reader(file)
            unit, tolerance = _unit_of(header)
            keys = {_column(key, unit, tolerance): key for key in _KEYS}
            rows = (_split(dict(zip(header, line, strict=True)), keys) for line in lines)
            return cls(tuple(map(Row.from_dict, rows)), unit, tolerance)
        except (OSError, ValueError, csv.Error) as error:
            raise ValueError(f"{path}: no table of cases as `report` writes it: {error}") from error

    def to_json(self, path: Path) -> None:
        """Writes the table.

        Raises:
            UnwritableError: The system refuses to write.
        """
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def from_json(cls, path: Path) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            ValueError: The file is missing, or is something else.
        """
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: no table of cases as `report` writes it: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Returns the table ready for JSON, null for NaN."""
        rows = [row.to_dict() for row in self.rows]
        return {"unit": self.unit, "tolerance": self.tolerance, "rows": rows}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Restores what `to_dict` returned.

        Raises:
            ValueError: It is something else.
        """
        try:
            rows = tuple(map(Row.from_dict, saved["rows"]))
            return cls(rows, _unit(saved["unit"]), float(saved["tolerance"]))
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'expected {{"unit", "tolerance", "rows"}}, got {saved!r:.200}'
            ) from error


_KEYS = (
    *("alias", "patient", "fold", "class", "status", "dice", "iou", "hd95", "surface_dice"),
    *("reference_volume", "predicted_volume", "lesions", "lesions_found", "false_lesions"),
    "expected_dice",
)
"""What a line of the CSV file begins with."""


def _column(key: str, unit: Unit, tolerance: float) -> str:
    """The header of a column, with its unit."""
    if key == "surface_dice":
        return f"surface_dice_{tolerance}_{unit}"
    if key.endswith("_volume"):
        return f"{key}_{'mm3' if unit == 'mm' else 'px'}"
    return f"hd95_{unit}" if key == "hd95" else key


def _unit_of(header: list[str]) -> tuple[Unit, float]:
    found = next(filter(None, map(_SURFACE_DICE.fullmatch, header)), None)
    if found is None:
        raise ValueError("no column like surface_dice_1.0_mm")
    return _unit(found[2]), float(found[1])


def _unit(text: Any) -> Unit:
    if text not in ("mm", "px"):
        raise ValueError(f"unit {text!r} is neither mm nor px")
    return "mm" if text == "mm" else "px"


def _split(line: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, Any]:
    """A line of a CSV file in the form that rows are restored from."""
    strata = {
        column.removeprefix(_STRATUM): value
        for column, value in line.items()
        if column.startswith(_STRATUM)
    }
    return {keys[column]: line[column] for column in keys if column in line} | {"strata": strata}
