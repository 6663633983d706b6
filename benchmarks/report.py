"""The one way in which benchmarks are called, and in which they tell what they found.

Every benchmark takes `--quick`, `--rounds` and `--output`, prints its tables, and writes a dated JSON and its plots.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.results import FOLDER, table, write


class Table(NamedTuple):
    """Cells as they are shown, here and in docs/performance.md."""

    header: list[str]
    rows: list[list[str]]


class Ratio(NamedTuple):
    """How much better ours is than a peer, from pairs of one run."""

    what: str
    median: float
    low: float
    """The lower quartile."""
    high: float
    """The upper quartile."""
    goal: float | None = None
    """What it is to be at least."""


class Report(NamedTuple):
    """All that a benchmark found."""

    values: Mapping[str, Any]
    """The numbers, as JSON can hold them."""
    tables: Mapping[str, Table]
    """By name."""
    ratios: Sequence[Ratio] = ()
    plots: Mapping[str, Callable[[Path], None]] = {}
    """What draws an .svg file, by name."""


def parse(doc: str | None) -> argparse.Namespace:
    """Reads the command line of a benchmark, whose docstring begins with what it measures.

    Returns:
        `quick`, `rounds` (None: as many as it thinks right) and `output` (None: nothing is written).
    """
    parser = argparse.ArgumentParser(description=(doc or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it runs")
    parser.add_argument("--rounds", type=int, help="timed rounds")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder of the JSON; with --quick, nothing is written without it",
    )
    options = parser.parse_args()
    if options.output is None and not options.quick:
        options.output = FOLDER
    return options


def publish(name: str, report: Report, options: argparse.Namespace) -> None:
    """Prints the tables of a benchmark; writes its JSON and plots.

    Args:
        name: Of the benchmark.
        report: What it found.
        options: From `parse`.
    """
    for title, cells in report.tables.items():
        print(f"\n{name}: {title}\n{table(*cells)}")
    if options.output is None:
        return
    found = {"quick": options.quick, "tables": report.tables, "ratios": list(report.ratios)}
    path = write(name, found | dict(report.values), options.output)
    print(f"\n{path}")
    for plot, draw in report.plots.items():
        draw(plot_of(path, name, plot))


def plot_of(path: Path, name: str, plot: str) -> Path:
    """Where a plot of a benchmark lies, beside its JSON."""
    return path.with_name(path.name.replace(name, f"{name}-{plot}", 1)).with_suffix(".svg")
