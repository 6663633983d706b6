"""What is shown and logged about a run is what happened in it."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

from lumbar.ops.structures import Batch, Images, Targets
from lumbar.training import progress
from lumbar.training.displays import Display, Pace, PlainDisplay, RichDisplay, Training
from lumbar.training.progress import Stopwatch, choose_display, num_images
from lumbar.training.run import fit, validate
from tests.training.toy import TRAINER, ToyData, ToyModule, new_folder


class Recorder(Display):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.states: list[Training] = []
        self.batches: list[tuple[int, int]] = []
        self.found: list[tuple[str, Mapping[str, float]]] = []
        self.steps: list[int] = []
        self.closed = False

    def advance(self, step: int) -> None:
        self.steps.append(step)

    def training(self, state: Training) -> None:
        self.states.append(state)

    def evaluating(self, done: int, total: int, pace: Pace) -> None:
        assert pace.rate > 0
        self.batches.append((done, total))

    def scores(self, title: str, values: Mapping[str, float], seconds: float) -> None:
        self.found.append((title, values))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr("lumbar.training.run.choose_display", lambda _kind: recorder)
    return recorder


def test_a_run_reports_every_few_steps_and_at_the_end(tmp_path: Path, recorder: Recorder) -> None:
    config = TRAINER.model_copy(update={"log_every_steps": 5})
    fit(ToyModule(), ToyData(), config, folder=new_folder(tmp_path), seed=0)

    assert recorder.steps == list(range(1, 13))
    assert [state.step for state in recorder.states] == [0, 5, 10, 12]
    assert [state.epoch for state in recorder.states] == [1, 1, 2, 2]
    assert {(state.total_steps, state.epochs, state.lr) for state in recorder.states} == {
        (12, 2, 0.05)
    }
    assert [list(state.losses) for state in recorder.states[1:]] == [["loss", "part/box"]] * 3
    assert all(state.pace.rate > 0 for state in recorder.states[1:])
    assert recorder.states[-1].pace.left == 0
    assert recorder.batches == [(1, 3), (2, 3), (3, 3)] * 2
    assert [title for title, _ in recorder.found] == ["epoch 1/2", "epoch 2/2"]
    assert [list(values) for _, values in recorder.found] == [["AP"], ["AP"]]
    assert recorder.closed


def test_steps_are_counted_in_optimiser_steps(tmp_path: Path, recorder: Recorder) -> None:
    config = TRAINER.model_copy(update={"accumulate": 3, "max_epochs": 1, "log_every_steps": 1})
    fit(ToyModule(), ToyData(), config, folder=new_folder(tmp_path), seed=0)

    assert [state.step for state in recorder.states] == [0, 1, 2]


def test_an_evaluation_reports_its_split(recorder: Recorder) -> None:
    validate(ToyModule(), ToyData(), TRAINER)
    validate(ToyModule(), ToyData(), TRAINER, split="test")

    assert recorder.batches == [(1, 3), (2, 3), (3, 3), (1, 2), (2, 2)]
    assert [title for title, _ in recorder.found] == ["evaluated", "evaluated"]


@pytest.mark.parametrize("every", [1, 5])
def test_learning_rate_speed_and_losses_are_logged_up_to_the_last_step(
    tmp_path: Path, every: int
) -> None:
    config = TRAINER.model_copy(update={"loggers": ("csv",), "log_every_steps": every})
    folder = new_folder(tmp_path)
    fit(ToyModule(), ToyData(), config, folder=folder, seed=0)

    with folder.metrics.open(newline="", encoding="utf-8") as file:
        rows = {int(row["step"]): row for row in csv.DictReader(file)}
    logged = [step for step in range(12) if (step + 1) % every == 0 or step == 11]
    for step in logged:
        assert float(rows[step]["train/lr"]) == 0.05
        assert float(rows[step]["train/loss"]) > 0
        assert float(rows[step]["train/images_per_second"]) > 0
    assert [step for step in rows if rows[step]["val/AP"]] == [5, 11]
    assert sorted(rows) == sorted({*logged, 5, 11})


def test_an_error_closes_the_display(tmp_path: Path, recorder: Recorder) -> None:
    class Broken(ToyModule):
        def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
            raise KeyError("broken")

    with pytest.raises(KeyError):
        fit(Broken(), ToyData(), TRAINER, folder=new_folder(tmp_path), seed=0)
    assert recorder.closed


def test_the_stopwatch_leaves_out_the_time_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "perf_counter", lambda: now)
    watch = Stopwatch(window=2)
    watch.mark(0)
    assert watch.pace(10) == Pace(0.0, 0.0)
    for step in range(1, 6):
        watch.add(8)
        now += 2.0
        watch.stop()
        now += 100.0
        watch.start()
        watch.mark(step)

    assert watch.pace(10) == Pace(rate=4.0, left=10.0)


def test_the_stopwatch_forgets_what_is_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "perf_counter", lambda: now)
    watch = Stopwatch(window=2)
    for step, seconds in enumerate([0, 50, 50, 1, 1]):
        now += seconds
        watch.mark(step)
        watch.add(3)

    assert watch.pace(4).rate == 3.0


def test_images_are_counted_in_batches_of_any_kind() -> None:
    canvas, sizes = torch.zeros(3, 1, 4, 4), torch.zeros(3, 2)
    targets = Targets(torch.zeros(3, 8, 4), sizes, sizes, sizes)

    assert num_images(Batch(Images(canvas, sizes, sizes), targets, torch.zeros(3))) == 3
    assert num_images({"image": canvas}) == num_images([canvas, sizes]) == num_images(canvas) == 3


def test_a_bar_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(choose_display("none")) is Display
    assert isinstance(choose_display("plain"), PlainDisplay)
    assert isinstance(choose_display("rich"), RichDisplay)
    for terminal, kind in ((True, RichDisplay), (False, PlainDisplay)):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        assert isinstance(choose_display("auto"), kind)


def test_only_the_first_process_shows_anything(recorder: Recorder) -> None:
    class Second(Trainer):
        is_global_zero = False

    report = progress.ProgressReport(recorder, every=1)
    trainer = Second(accelerator="cpu", logger=False, enable_checkpointing=False)
    report.setup(trainer, ToyModule(), "fit")
    report.teardown(trainer, ToyModule(), "fit")

    assert not recorder.closed
