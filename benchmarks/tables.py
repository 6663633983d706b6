"""Puts the newest numbers into docs/performance.md: between its marks stand tables and plots of benchmarks/results.

They begin behind `<!-- numbers: BENCHMARK-KIND NAME -->` and end before `<!-- end -->`. usage:

    python benchmarks/tables.py
"""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import plot_of
from benchmarks.results import latest

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_PLACE = re.compile(
    r"(?P<mark><!-- numbers: (?P<name>\w+)-(?P<kind>cpu|cuda) (?P<title>[^>]+?) -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)


def filled(text: str) -> str:
    """The text with the newest numbers in all its places; where nothing was measured yet, it says so."""
    return _PLACE.sub(lambda place: f"{place['mark']}\n{_numbers(place)}\n{place['end']}", text)


def _numbers(place: re.Match[str]) -> str:
    path = latest(place["name"], place["kind"])
    if path is None:
        return f"Not measured yet on a {'GPU' if place['kind'] == 'cuda' else 'CPU'}.\n"
    found = json.loads(path.read_text(encoding="utf-8"))
    parts = [f"{found['device']}, torch {found['versions']['torch']}, {found['date']}\n"]
    plot = plot_of(path, place["name"], place["title"])
    if plot.is_file():
        parts.insert(0, f"![{place['title']}](../benchmarks/results/{plot.name})")
    cells = found["tables"].get(place["title"])
    if cells is not None:
        lines = [cells["header"], ["---"] * len(cells["header"]), *cells["rows"]]
        parts.insert(0, "\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)


def main() -> None:
    """Fills the document."""
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
