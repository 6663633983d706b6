"""All benchmarks of speed, one after the other on the device at hand, each in a process of its own.

What fails is named, the others go on, and the exit code tells. Their ratios become one table and one plot. usage:

    python benchmarks/run.py [--quick] [--rounds N] [--output FOLDER]
"""

import json
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import forked
from benchmarks.plot import draw_ratios
from benchmarks.report import Ratio, Report, Table, parse, publish
from benchmarks.results import device_kind, latest

NAMES = (
    "backbones",
    "detection",
    "segmentation",
    "ablation",
    "input",
    "annotations",
    "evaluation",
    "growth",
    "scaling",
)
"""Not `bccd` and `camvid`: they train for their minutes and compare scores."""


class Outcome(NamedTuple):
    """What became of a benchmark."""

    failed: bool
    seconds: float
    ratios: list[Ratio]


def run(name: str, arguments: list[str], folder: Path) -> Outcome:
    """Runs a benchmark.

    Args:
        name: Of its file.
        arguments: Of its command line, but for the folder.
        folder: Where it writes.
    """
    start = time.perf_counter()
    process = forked.start(_measure, name, [*arguments, "--output", str(folder)])
    process.join()
    seconds = time.perf_counter() - start
    written = None if process.exitcode else latest(name, device_kind(), folder)
    found = json.loads(written.read_text(encoding="utf-8")) if written else {}
    ratios = [Ratio(**row) for row in found.get("ratios", [])]
    return Outcome(bool(process.exitcode), seconds, ratios)


def _measure(name: str, arguments: list[str]) -> None:
    sys.argv = [name, *arguments]
    import_module(f"benchmarks.{name}").main()


def summary(outcomes: dict[str, Outcome]) -> Report:
    """The ratios of all, and how long each took."""
    ratios = [ratio for outcome in outcomes.values() for ratio in outcome.ratios]
    rows = [
        [ratio.what, f"{ratio.median:.2f}", f"{ratio.low:.2f} to {ratio.high:.2f}", *_judged(ratio)]
        for ratio in ratios
    ]
    ends = [
        [name, "failed" if outcome.failed else "done", f"{outcome.seconds:.0f}"]
        for name, outcome in outcomes.items()
    ]
    tables = {
        "benchmarks": Table(["benchmark", "", "seconds"], ends),
        "ratios": Table(["what", "ratio", "quartiles", "goal", "met"], rows),
    }
    title = "Lumbar beside its peers: a mark is a goal, a whisker the quartiles"
    plots = {"ratios": partial(draw_ratios, ratios=ratios, title=title)} if ratios else {}
    return Report({"outcomes": outcomes}, tables, ratios, plots)


def _judged(ratio: Ratio) -> tuple[str, str]:
    if ratio.goal is None:
        return "", ""
    return f"{ratio.goal:.2f}", "yes" if ratio.median >= ratio.goal else "no"


def main() -> int:
    """Runs all, prints, writes.

    Returns:
        1 if a benchmark failed, 0 if all are done; goals that were missed are no failure.
    """
    options = parse(__doc__)
    arguments = ["--quick"] * options.quick
    if options.rounds is not None:
        arguments += ["--rounds", str(options.rounds)]
    with TemporaryDirectory() as folder:
        outcomes = {name: run(name, arguments, options.output or Path(folder)) for name in NAMES}
    publish("run", summary(outcomes), options)
    return int(any(outcome.failed for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
