"""Scores of weights are those of their run; scores of files are pycocotools'."""

import json
from pathlib import Path

import pytest

from detection.coco_truth import Kind
from detection.evaluate import evaluate_file, evaluate_weights
from lumbar.training.load import ConfigError
from lumbar.training.run_folder import RunFolder
from tests.detection.coco_sets import by_pycocotools, made_up


def test_weights_score_as_at_the_end_of_their_run(tmp_path: Path, run_folder: RunFolder) -> None:
    source = str(run_folder.weights)
    scores = evaluate_weights(
        source, config_source=None, overrides=(), split="test", output=tmp_path
    )

    results = json.loads((tmp_path / "results.json").read_text())
    assert results == scores.to_dict() == json.loads(run_folder.results.read_text())


def test_overrides_and_another_config_reach_the_data(run_folder: RunFolder) -> None:
    source, overrides = str(run_folder.weights), ["data.val.limit=2"]
    for config in (None, str(run_folder.config)):
        scores = evaluate_weights(
            source, config_source=config, overrides=overrides, split="val", output=None
        )
        assert scores.num_images == 2


def test_wrong_overrides_are_config_errors(run_folder: RunFolder) -> None:
    with pytest.raises(ConfigError, match=r"data\.val\.limt"):
        evaluate_weights(
            str(run_folder.weights),
            config_source=None,
            overrides=["data.val.limt=2"],
            split="val",
            output=None,
        )


def test_data_with_other_classes_are_refused(run_folder: RunFolder, examples: Path) -> None:
    overrides = [f"data.root={examples}/coco", "data.val.annotations=annotations/instances.json"]

    with pytest.raises(ValueError, match=r"data\.val.*classes .*'person'.*'RBC'"):
        evaluate_weights(
            str(run_folder.weights),
            config_source=None,
            overrides=overrides,
            split="val",
            output=None,
        )


def test_mistakes_in_files_name_the_files(tmp_path: Path) -> None:
    truth, results = made_up("bbox")
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps([*results, results[0] | {"image_id": -1}]))

    with pytest.raises(ValueError, match=r"results\.json, scored by .*truth\.json: 1 of .* are -1"):
        evaluate_file(tmp_path / "results.json", tmp_path / "truth.json", None)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_files_score_as_with_pycocotools(kind: Kind, tmp_path: Path) -> None:
    truth, results = made_up(kind)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps(results))
    output = tmp_path / "new"

    scores = evaluate_file(tmp_path / "results.json", tmp_path / "truth.json", output)

    written = json.loads((output / "results.json").read_text())
    assert written == scores.to_dict()
    expected = by_pycocotools(truth, results, kind).stats
    assert list(written[kind].values()) == pytest.approx(expected, abs=1e-12)
