"""Tables whose rows are sorted by a click on a header and chosen by the values of a column."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from markupsafe import Markup

from medical.pages.render import render
from medical.pages.words import NOTHING, number

Tone = Literal["", "good", "warn", "bad"]
Value = str | float | bool | None
"""What a row holds under a column; None, nan and the empty text are shown as a dash and sorted last."""


@dataclass(frozen=True)
class Column:
    """What the cells under a header are."""

    title: str
    unit: str = ""
    digits: int | None = None
    """After the point; None where the column holds text."""
    help: str = ""
    """What it means, shown while the mouse rests on the header."""
    filtered: bool = False
    """Whether rows can be chosen by its values; for columns with few of them."""
    wrapped: bool = False
    """Whether it holds sentences, which are broken into lines."""


class Cell(NamedTuple):
    """A value that is shown in its own way."""

    value: Value
    """By which its row is sorted."""
    text: str = ""
    """What is shown; empty: the value as its column writes it."""
    link: str = ""
    """Name of the place on the page where a click leads, without `#`."""
    tone: Tone = ""
    """Whether it is good or bad news; also said by a sign, for those who see no colours."""
    detail: str = ""
    """Below it in small letters, such as its interval."""


Entry = tuple[Value | Cell, ...]
"""What a row holds."""


@dataclass(frozen=True)
class Table:
    """Rows under headers; a block of a page."""

    columns: Sequence[Column]
    rows: Sequence[Entry]
    caption: str = ""
    counted: str = "row"
    """What a row is, in the singular, where rows can be chosen."""
    names: Sequence[str] = ()
    """A name of each row, by which links find it."""
    sortable: bool = True
    order: tuple[int, Literal["ascending", "descending"]] | None = None
    """The column that the rows are sorted by already."""

    def html(self) -> Markup:
        """The table, in a frame within which it scrolls where it is wide or long.

        Raises:
            AssertionError: A row has more or fewer values than there are columns.
        """
        assert all(len(row) == len(self.columns) for row in self.rows), self.caption
        rows = [
            [_shown(value, column) for value, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]
        filters = [
            (place, column, _choices([row[place].text for row in rows]))
            for place, column in enumerate(self.columns)
            if column.filtered
        ]
        return render("table.html", table=self, rows=rows, filters=filters)


class ShownCell(NamedTuple):
    """A cell as the template wants it."""

    text: str
    key: str
    """By which it is sorted; empty: last."""
    link: str
    tone: Tone
    detail: str


def _shown(value: Value | Cell, column: Column) -> ShownCell:
    cell = value if isinstance(value, Cell) else Cell(value)
    key, written = _written(cell.value, column)
    return ShownCell(cell.text or written, key, cell.link, cell.tone, cell.detail)


def _written(value: Value, column: Column) -> tuple[str, str]:
    """The key by which a value is sorted, and how it is shown."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return "", NOTHING
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, str):
        return value, value
    return repr(float(value)), number(float(value), column.digits or 0)


def _choices(texts: Sequence[str]) -> list[str]:
    return sorted(
        {*texts}, key=lambda text: (text == NOTHING, len(text) if text.isdigit() else 0, text)
    )
