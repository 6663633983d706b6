"""Ratios as a figure: what was measured, its spread, and the goal."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Ratio
from lumbar.tasks.curves import COLOURS, drawing

_WIDTH, _ROW = 8.5, 0.25
"""Inches."""


def draw_ratios(path: Path, ratios: Sequence[Ratio], *, title: str) -> None:
    """Draws bars that start at 1, where nothing is gained, on an axis on which each doubling is as long.

    Args:
        path: The .svg file.
        ratios: At least one, from top to bottom, all positive.
        title: What they are.
    """
    with drawing(path, title, size=(_WIDTH, 0.8 + _ROW * len(ratios))) as frame:
        for row, ratio in enumerate(ratios):
            spread = [[ratio.median - ratio.low], [ratio.high - ratio.median]]
            frame.barh(
                row, ratio.median - 1, 0.6, left=1, xerr=spread, color=COLOURS[0], ecolor="#333333"
            )
            if ratio.goal is not None:
                frame.vlines(ratio.goal, row - 0.4, row + 0.4, color=COLOURS[1], linewidth=2.5)
        frame.set_xscale("log", base=2)
        frame.xaxis.set_major_formatter("{x:g}")
        names = [f"{ratio.what}: {ratio.median:.2f}" for ratio in ratios]
        frame.set_yticks(range(len(ratios)), names)
        frame.set_ylim(len(ratios) - 0.4, -0.6)
        frame.axvline(1, color="#333333", linewidth=0.8)
        frame.grid(visible=False, axis="y")
