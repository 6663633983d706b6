"""Puts the newest numbers into docs/performance.md: between its marks stand tables of benchmarks/results.

A table begins behind `<!-- numbers: BENCHMARK-KIND TABLE -->` and ends before `<!-- end -->`. usage:

    python benchmarks/tables.py
"""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.results import latest

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_PLACE = re.compile(
    r"(?P<mark><!-- numbers: (?P<name>\w+)-(?P<kind>cpu|cuda) (?P<title>[^>]+?) -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)


def filled(text: str) -> str:
    """The text with the newest tables in all its places; where nothing was measured yet, it says so."""
    return _PLACE.sub(lambda place: f"{place['mark']}\n{_numbers(place)}\n{place['end']}", text)


def _numbers(place: re.Match[str]) -> str:
    path = latest(place["name"], place["kind"])
    found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    cells = found.get("tables", {}).get(place["title"])
    if cells is None:
        return f"Not measured yet on a {'GPU' if place['kind'] == 'cuda' else 'CPU'}.\n"
    lines = [cells["header"], ["---"] * len(cells["header"]), *cells["rows"]]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{found['device']}, torch {found['versions']['torch']}, {found['date']}\n"


def main() -> None:
    """Fills the document."""
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
