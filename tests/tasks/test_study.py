"""A study trains its runs once, and leaves a table."""

import json
from pathlib import Path

import pytest

from lumbar.tasks.study import spread
from lumbar.tasks.study_runs import runs_of
from tests.tasks.toy_study import TOY_STUDY, study_toys


def test_a_study_goes_from_settings_to_a_table_and_trains_nothing_twice(tmp_path: Path) -> None:
    findings = study_toys(TOY_STUDY, tmp_path)

    rows = json.loads((tmp_path / "share.json").read_text())
    assert rows == [dict(row) for row in findings.rows]
    assert [row["network"] for row in rows] == ["slow", "fast"]
    table = (tmp_path / "share.md").read_text()
    assert table.startswith("Which rate is better?\n\n| network | share | paper |\n| --- |")
    assert "| better |" in table
    assert table.endswith("Medians of 2 seeds, lowest and highest in brackets.\n")

    def written() -> list[int]:
        return [run.folder.weights.stat().st_mtime_ns for run in runs_of(TOY_STUDY, tmp_path)]

    before = written()
    (tmp_path / "share.md").unlink()
    study_toys(TOY_STUDY, tmp_path)
    assert written() == before
    assert (tmp_path / "share.md").read_text() == table


def test_a_cell_shows_the_range_where_there_is_one(tmp_path: Path) -> None:
    assert spread([3, 1, 2, 9]) == [2.5, 1, 9]
    table = study_toys(TOY_STUDY.model_copy(update={"seeds": (0,)}), tmp_path).rows

    assert all(len({*row["share"]}) == 1 for row in table)
    assert " to " not in (tmp_path / "share.md").read_text()


def test_a_study_without_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="runs: there are none"):
        study_toys(TOY_STUDY.model_copy(update={"runs": {}}), tmp_path)
