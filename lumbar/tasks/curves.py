"""Curves over common axes, as a figure that stays sharp at any size."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from lumbar.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#999999"),
)
"""Okabe and Ito 2008, for colour-blind readers too."""
_SIZE = (7.2, 4.2)
_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "svg.fonttype": "none",  # letters stay letters
    "svg.hashsalt": "lumbar",  # the same curves give the same file
}

Point = tuple[float, float]


class Curve(NamedTuple):
    """A line, and the range around it."""

    name: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float, float]] = ()
    """Place, lowest and highest value there."""
    colour: int = 0
    """Curves of one number share their colour."""
    dashed: bool = False


def seeds_curve(name: str, seeds: Sequence[Sequence[Point]], *, colour: int) -> Curve:
    """The median over several runs of the same, and their range, as far as all of them go.

    Args:
        name: What was run.
        seeds: The points of each run, at the same places.
        colour: Number of its colour.
    """
    places = [
        (points[0][0], [value for _, value in points]) for points in zip(*seeds, strict=False)
    ]
    return Curve(
        name,
        [(x, median(values)) for x, values in places],
        [(x, min(values), max(values)) for x, values in places] if len(seeds) > 1 else (),
        colour,
    )


def draw_curves(
    path: Path,
    curves: Sequence[Curve],
    *,
    title: str,
    axes: tuple[str, str],
    logarithmic: bool = False,
) -> None:
    """Writes a figure.

    Args:
        path: The .svg file.
        curves: At least one, of points that are not negative.
        title: Stands above it.
        axes: What x and y are.
        logarithmic: Whether y has the same distance from 1 to 10 as from 10 to 100; curves leave it at the bottom where
            they are zero.
    """
    from matplotlib.ticker import LogFormatter

    with drawing(path, title) as frame:
        for curve in curves:
            _draw(frame, curve)
        frame.set(xlabel=axes[0], ylabel=axes[1], xlim=(0, None))
        if logarithmic and any(y > 0 for curve in curves for _, y in curve.points):
            frame.set_yscale("log")
            frame.yaxis.set_major_formatter("{x:g}")
            frame.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.5)))
        else:
            frame.set_ylim(bottom=0)
        frame.legend(loc="upper left", bbox_to_anchor=(1, 1))


@contextmanager
def drawing(path: Path, title: str, size: tuple[float, float] = _SIZE) -> "Iterator[Axes]":
    """Yields empty axes, which are written to a file at the end.

    Args:
        path: The .svg file.
        title: Stands above it.
        size: Width and height in inches.
    """
    # Half a second, which the commands that draw nothing need not wait.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(size, layout="constrained")
        frame = figure.add_subplot()
        frame.set_title(title, wrap=True)
        yield frame
        with atomic_write(path) as partial:
            figure.savefig(partial, format="svg", metadata={"Date": None})


def _draw(frame: "Axes", curve: Curve) -> None:
    colour = COLOURS[curve.colour % len(COLOURS)]
    if curve.band:
        places, low, high = zip(*curve.band, strict=True)
        frame.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    x, y = zip(*curve.points, strict=True)
    frame.plot(x, y, "--" if curve.dashed else "-", color=colour, label=curve.name)
