"""Lines and bars hold what they are given, and fit where they are shown."""

import re
from io import StringIO

import pytest
from rich.console import Console

from lumbar.training import displays
from lumbar.training.displays import (
    Display,
    Pace,
    PlainDisplay,
    RichDisplay,
    Training,
    duration,
    start_table,
)

STATE = Training(
    step=20,
    total_steps=4500,
    epoch=1,
    epochs=12,
    losses={"loss": 1.2345, "rpn/box": 0.1},
    lr=0.00123,
    pace=Pace(12.34, 3723.0),
)


def test_a_plain_line_has_everything() -> None:
    stream = StringIO()
    PlainDisplay(stream).training(STATE)

    assert stream.getvalue() == (
        "step   20/4500  epoch 1/12  loss 1.234  rpn/box 0.100  lr 0.00123  "
        "12.3 images/s  1:02:03 left\n"
    )


def test_plain_lines_say_nothing_before_there_is_something_to_say() -> None:
    stream = StringIO()
    display = PlainDisplay(stream)
    display.training(STATE._replace(losses={}))
    display.advance(1)
    display.close()
    assert stream.getvalue() == ""

    display.training(STATE._replace(pace=Pace(0.0, 0.0)))
    assert stream.getvalue().endswith("lr 0.00123\n")


def test_plain_lines_of_an_evaluation_keep_their_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(displays, "monotonic", lambda: now)
    stream = StringIO()
    display = PlainDisplay(stream)
    for done in range(1, 9):
        now += 3.0
        display.evaluating(done, 10, Pace(2.0, 5.0))
    display.scores("epoch 1/2", {"AP": 0.5}, 61.0)

    assert stream.getvalue().splitlines() == [
        "evaluating  4/10  2.0 images/s  0:00:05 left",
        "evaluating  8/10  2.0 images/s  0:00:05 left",
        "epoch 1/2  AP 0.500  in 0:01:01",
    ]


def screen(width: int) -> tuple[RichDisplay, StringIO]:
    stream = StringIO()
    console = Console(file=stream, width=width, height=10, force_terminal=True, color_system=None)
    return RichDisplay(console), stream


@pytest.mark.parametrize("width", [80, 120])
def test_a_bar_and_a_line_of_losses_fit_on_the_terminal(width: int) -> None:
    display, stream = screen(width)
    display.training(STATE)
    display.advance(33)
    display.evaluating(3, 10, Pace(2.0, 5.0))
    display.close()

    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", stream.getvalue()).splitlines()
    bar, evaluation, losses = [line.rstrip() for line in lines if line.strip()][-3:]
    assert bar.startswith("epoch 1/12")
    assert bar.endswith("33/4500 12.3 images/s  1:02:03 left")
    assert evaluation.startswith("evaluating")
    assert evaluation.split()[-5:] == ["3/10", "2.0", "images/s", "0:00:05", "left"]
    assert losses == "loss 1.234  rpn/box 0.100  lr 0.00123"
    assert all(len(line) <= width for line in (bar, evaluation, losses))


def test_scores_stay_when_the_bars_are_gone() -> None:
    display, stream = screen(80)
    display.evaluating(1, 2, Pace(2.0, 5.0))
    display.scores("epoch 1/2", {"AP": 0.5}, 61.0)
    display.close()
    display.close()

    assert "epoch 1/2  AP 0.500  in 0:01:01\n" in stream.getvalue()
    assert "evaluating" not in stream.getvalue().split("0:01:01\n")[-1]


def test_the_silent_display_takes_everything() -> None:
    display = Display()
    display.advance(1)
    display.training(STATE)
    display.evaluating(1, 2, STATE.pace)
    display.scores("epoch 1/2", {}, 0.0)
    display.close()


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.4, 59.6, 3600 * 30)] == [
        "0:00:00",
        "0:01:00",
        "1 day, 6:00:00",
    ]


def test_the_start_table_is_aligned_and_wrapped() -> None:
    lines = start_table({"lr": "0.02, as given", "classes": "thing " * 30}).splitlines()

    assert lines[0] == "  lr       0.02, as given"
    assert lines[1].startswith("  classes  thing thing")
    assert lines[2].startswith("           thing")
    assert all(len(line) <= 100 for line in lines)
