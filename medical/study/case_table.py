"""A table of the cases, `case,image,mask,patient,...`: their files, whose they are, and the strata of the report."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lumbar.data.faults import refuse
from lumbar.data.image_io import resolve_inside
from medical.study.pairs import Pair

_FILES = ("case", "image", "mask", "patient")
# Groups of cases have few values; what differs from case to case says who it is.
_MOST_VALUES = 12
_PRIVATE = re.compile(r"name|birth|mrn|ssn|address|phone|mail", re.IGNORECASE)


class CaseTable(NamedTuple):
    """The rows of a table, by their case."""

    file: Path
    columns: tuple[str, ...]
    """In small letters, as they stand in the first line."""
    rows: Mapping[str, Mapping[str, str]]

    def pairs(self, root: Path) -> list[Pair] | None:
        """The files that the table names, None where it has no columns `image` and `mask`.

        Several files of one image, its channels, are parted by semicolons or bars.

        Args:
            root: Folder of the data, from which names start.

        Raises:
            ValueError: A file is not named, missing, or outside the folder.
        """
        if not {"image", "mask"} <= {*self.columns}:
            return None
        faults, pairs = [], []
        for case, row in self.rows.items():
            names = [name.strip() for name in re.split("[;|]", row["image"]) if name.strip()]
            files = [resolve_inside(root, name) for name in [*names, row["mask"]] if name]
            faults += [f"{case}: no file {file}" for file in files if not file.exists()]
            if not names or not row["mask"]:
                faults.append(f"{case}: no {'mask' if names else 'image'} in the table")
            else:
                pairs.append(Pair(case, tuple(files[:-1]), files[-1]))
        refuse(
            faults,
            what=f"{self.file}: cases without their files",
            fix=f"names start from {root.absolute()}; leave out the rows of cases without a mask",
        )
        return pairs

    def matched(self, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """Finds the row of each case, by its whole name or by the last part of it.

        Args:
            names: Of the cases, relative to the data.

        Raises:
            ValueError: A row has no case, or several.
        """
        known = {name: name for name in names}
        short: dict[str, list[str]] = {}
        for name in names:
            short.setdefault(name.rpartition("/")[2], []).append(name)
        found: dict[str, Mapping[str, str]] = {}
        faults = []
        for key, row in self.rows.items():
            fits = [known[key]] if key in known else short.get(key, [])
            faults += [f"{key}: {len(fits)} cases"] if len(fits) != 1 else []
            found |= dict.fromkeys(fits, row)
        refuse(
            faults,
            what=f"{self.file}: rows that fit no case, or several",
            fix="The column `case` has the path of an image in its folder, without the type of the file",
        )
        return found

    def strata(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns that make groups of cases, and those that could tell who somebody is."""
        others = [column for column in self.columns if column not in _FILES and column]
        groups = [column for column in others if self._is_group(column)]
        return tuple(groups), tuple(column for column in others if column not in groups)

    def _is_group(self, column: str) -> bool:
        values = {row[column] for row in self.rows.values()}
        return len(values) <= _MOST_VALUES and not _PRIVATE.search(column)


def read_table(file: Path) -> CaseTable:
    """Reads a table with commas or semicolons.

    Raises:
        ValueError: It is no text, has no column `case`, or names a case twice.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read as UTF-8 text: {error}") from error
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.reader((line for line in lines if line.strip()), delimiter=delimiter)
    head, *body = [[cell.strip() for cell in row] for row in reader] or [[]]
    columns = tuple(column.lower() for column in head)
    if "case" not in columns or len({*columns}) < len(columns):
        raise ValueError(
            f"{file}: the first line must name different columns, one of them `case`, got {', '.join(head)!r}"
        )
    refuse(
        [f"{', '.join(row)}: {len(row)} of {len(head)}" for row in body if len(row) != len(head)],
        what=f"{file}: rows with another number of columns than the first line",
    )
    rows: dict[str, dict[str, str]] = {}
    twice = []
    for cells in body:
        row = dict(zip(columns, cells, strict=True))
        twice += [row["case"]] if row["case"] in rows else []
        rows[row["case"]] = row
    refuse(twice, what=f"{file}: cases that are named twice")
    return CaseTable(file, columns, rows)
