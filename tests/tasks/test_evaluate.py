"""Scores are those of the split, and are written only where somebody wants them."""

import json
from pathlib import Path

import pytest

from lumbar.tasks.evaluate import score_split, write_scores
from tests.tasks.toy_task import Share, ToyConfig, ToyData, make_toy_module


@pytest.mark.parametrize(("split", "total"), [("val", 4), ("test", 2)])
def test_a_split_is_scored_and_written(split: str, total: int, tmp_path: Path) -> None:
    config = ToyConfig()
    for output in (tmp_path / "new", None):
        scores = score_split(
            make_toy_module(config),
            ToyData(),
            config.trainer,
            split=split,
            output=output,
        )
        assert scores.total == total

    (written,) = tmp_path.rglob("*.json")
    assert written == tmp_path / "new" / "results.json"
    assert json.loads(written.read_text())["total"] == total


def test_nothing_is_written_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    write_scores(Share(1, 2), None)

    assert list(tmp_path.iterdir()) == []
