"""How the progress of a run looks: a bar on a terminal, plain lines in a log, or nothing."""

import textwrap
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import NamedTuple, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

_SECONDS_BETWEEN_LINES = 10.0
_WIDTH = 100


class Pace(NamedTuple):
    """How fast it goes."""

    rate: float
    """Images per second over all devices; 0 where nothing was measured yet."""
    left: float
    """Seconds that remain at this pace."""

    def __str__(self) -> str:
        """`12.3 images/s  0:04:05 left`, or nothing."""
        return f"{self.rate:.1f} images/s  {duration(self.left)} left" if self.rate else ""


class Training(NamedTuple):
    """Where the training is."""

    step: int
    total_steps: int
    epoch: int
    """From 1."""
    epochs: int
    losses: Mapping[str, float]
    lr: float
    pace: Pace


class Display:
    """Says nothing; the others override what they show."""

    def advance(self, step: int) -> None:
        """Takes note of an optimiser step; it is called after each."""

    def training(self, state: Training) -> None:
        """Shows the losses; it is called every few steps."""

    def evaluating(self, done: int, total: int, pace: Pace) -> None:
        """Shows how many batches are evaluated; it is called after each."""

    def scores(self, title: str, values: Mapping[str, float], seconds: float) -> None:
        """Shows what an evaluation of so many seconds found."""

    def close(self) -> None:
        """Ends the display."""


class PlainDisplay(Display):
    """A line for each report, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next_line = monotonic() + _SECONDS_BETWEEN_LINES

    def training(self, state: Training) -> None:
        """Step, epoch, losses, learning rate, images per second and time left."""
        if not state.losses:
            return
        step = f"step {state.step:>{len(str(state.total_steps))}}/{state.total_steps}"
        epoch = f"epoch {state.epoch}/{state.epochs}"
        self._write(step, epoch, named(state.losses), f"lr {state.lr:.3g}", str(state.pace))

    def evaluating(self, done: int, total: int, pace: Pace) -> None:
        """A line every ten seconds."""
        if monotonic() > self._next_line:
            self._write(f"evaluating {done:>{len(str(total))}}/{total}", str(pace))

    def scores(self, title: str, values: Mapping[str, float], seconds: float) -> None:
        """One line."""
        self._write(title, named(values), f"in {duration(seconds)}")

    def _write(self, *parts: str) -> None:
        self._stream.write("  ".join(filter(None, parts)) + "\n")
        self._stream.flush()
        self._next_line = monotonic() + _SECONDS_BETWEEN_LINES


class RichDisplay(Display):
    """A bar with a line of losses under it, for terminals; the scores stay above it."""

    def __init__(self, console: Console | None = None) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("[cyan]{task.fields[pace]}"),
            expand=True,
        )
        self._losses = Text()
        self._live = Live(
            Group(self._bars, self._losses),
            console=console,
            refresh_per_second=4,
            transient=True,
        )
        self._bar: dict[str, TaskID] = {}

    def advance(self, step: int) -> None:
        """Moves the bar."""
        if "training" in self._bar:
            self._bars.update(self._bar["training"], completed=step)

    def training(self, state: Training) -> None:
        """Moves the bar and renews the losses."""
        self._show(
            "training",
            completed=state.step,
            total=state.total_steps,
            description=f"epoch {state.epoch}/{state.epochs}",
            pace=str(state.pace),
        )
        self._losses.plain = f"{named(state.losses)}  lr {state.lr:.3g}".lstrip()

    def evaluating(self, done: int, total: int, pace: Pace) -> None:
        """A second bar, while it lasts."""
        self._show(
            "evaluating", completed=done, total=total, description="evaluating", pace=str(pace)
        )

    def scores(self, title: str, values: Mapping[str, float], seconds: float) -> None:
        """A line that stays."""
        if "evaluating" in self._bar:
            self._bars.remove_task(self._bar.pop("evaluating"))
        self._live.console.print(
            f"[bold]{title}[/]  {named(values)}  [dim]in {duration(seconds)}[/]", highlight=False
        )

    def close(self) -> None:
        """Removes the bars."""
        self._live.stop()

    def _show(self, bar: str, *, description: str, pace: str, completed: int, total: int) -> None:
        self._live.start()
        if bar not in self._bar:
            self._bar[bar] = self._bars.add_task(description, pace=pace)
        self._bars.update(
            self._bar[bar], description=description, pace=pace, completed=completed, total=total
        )


def named(values: Mapping[str, float]) -> str:
    """`loss 1.234  box 0.123`."""
    return "  ".join(f"{name} {value:.3f}" for name, value in values.items())


def duration(seconds: float) -> str:
    """`1:02:03`."""
    return str(timedelta(seconds=round(seconds)))


def start_table(rows: Mapping[str, str]) -> str:
    """What was derived from the config, in two columns."""
    width = max(map(len, rows)) + 4
    return "\n".join(
        textwrap.fill(
            value,
            _WIDTH,
            initial_indent=f"  {name}".ljust(width),
            subsequent_indent=" " * width,
        )
        for name, value in rows.items()
    )
