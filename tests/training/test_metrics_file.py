"""The table of logged values has a row for each step, whatever is logged when."""

import csv
from pathlib import Path

from lumbar.training.metrics_file import MetricsFile


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_values_of_one_step_share_a_row(tmp_path: Path) -> None:
    table = MetricsFile(tmp_path / "m.csv")
    first, second = {"step": "9", "loss": "2.0"}, {"step": "19", "loss": "1.0", "lr": "0.2"}
    table.log_metrics({"loss": 2.0}, 9)
    table.save()
    assert rows(tmp_path / "m.csv") == [first]
    table.log_metrics({"lr": 0.1}, 9)
    table.log_metrics({"loss": 1.0, "lr": 0.2}, 19)
    table.save()
    assert rows(tmp_path / "m.csv") == [first | {"lr": "0.1"}, second]
    table.log_metrics({"lr": 0.25}, 19)
    table.finalize("success")

    assert rows(tmp_path / "m.csv") == [first | {"lr": "0.1"}, second | {"lr": "0.25"}]


def test_columns_come_when_they_are_first_logged(tmp_path: Path) -> None:
    table = MetricsFile(tmp_path / "m.csv")
    for step in range(4):
        table.log_metrics({"loss": step}, step)
        table.save()
    table.log_metrics({"AP": 0.5}, 3)
    table.log_metrics({"loss": 4}, 4)
    table.finalize("success")

    found = rows(tmp_path / "m.csv")
    assert list(found[0]) == ["step", "loss", "AP"]
    assert [row["loss"] for row in found] == ["0", "1", "2", "3", "4"]
    assert [row["AP"] for row in found] == ["", "", "", "0.5", ""]


def test_a_resumed_run_replaces_the_steps_it_takes_again(tmp_path: Path) -> None:
    first = MetricsFile(tmp_path / "m.csv")
    for step in range(5):
        first.log_metrics({"loss": 10 + step}, step)
    first.finalize("failed")
    second = MetricsFile(tmp_path / "m.csv")
    for step in range(3, 6):
        second.log_metrics({"loss": 20 + step}, step)
        second.save()
    second.finalize("success")

    assert [row["loss"] for row in rows(tmp_path / "m.csv")] == ["10", "11", "12", "23", "24", "25"]


def test_a_step_resumed_before_its_evaluation_keeps_its_losses(tmp_path: Path) -> None:
    first = MetricsFile(tmp_path / "m.csv")
    for step in (8, 9):
        first.log_metrics({"loss": step}, step)
        first.save()
    second = MetricsFile(tmp_path / "m.csv")
    second.log_metrics({"AP": 0.5}, 9)
    second.finalize("success")

    assert rows(tmp_path / "m.csv") == [
        {"step": "8", "loss": "8", "AP": ""},
        {"step": "9", "loss": "9", "AP": "0.5"},
    ]


def test_nothing_logged_is_no_file(tmp_path: Path) -> None:
    table = MetricsFile(tmp_path / "m.csv")
    table.log_hyperparams({"a": 1})
    table.save()
    table.finalize("success")

    assert not (tmp_path / "m.csv").exists()
    assert (table.name, table.version) == ("", "")
