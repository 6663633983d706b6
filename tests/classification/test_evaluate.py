"""Weights score as at the end of their run."""

import json
from pathlib import Path

import pytest

from classification.evaluate import evaluate_weights
from classification.scores import ClassificationScores
from lumbar.training.load import ConfigError
from lumbar.training.run_folder import RunFolder


def score(
    run: RunFolder, *overrides: str, config: str | None = None, output: Path | None = None
) -> ClassificationScores:
    return evaluate_weights(
        str(run.weights), config_source=config, overrides=overrides, split="test", output=output
    )


def test_weights_score_as_at_the_end_of_their_run(run_folder: RunFolder, tmp_path: Path) -> None:
    scores = score(run_folder, output=tmp_path)

    results = json.loads((tmp_path / "results.json").read_text())
    assert results == scores.to_dict() == json.loads(run_folder.results.read_text())


def test_overrides_and_another_config_reach_the_data(run_folder: RunFolder) -> None:
    for config in (None, str(run_folder.config)):
        scores = score(run_folder, "data.test.max_per_class=2", config=config)
        assert len(scores.answers.ranks) == 6


def test_mistakes_are_told(run_folder: RunFolder) -> None:
    with pytest.raises(ConfigError, match=r"data\.test\.limt"):
        score(run_folder, "data.test.limt=2")
    with pytest.raises(ValueError, match=r"data\.test\.annotations: no such file"):
        score(run_folder, "data.test.annotations=gone.json")
