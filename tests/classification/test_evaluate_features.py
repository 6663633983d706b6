"""The features of a run are scored in three ways, also on classes that it never saw."""

import json
from pathlib import Path

from classification.evaluate_features import FeatureScores, evaluate_features
from classification.features import load_features
from lumbar.training.run_folder import RunFolder
from tests.classification.runs import NAMES


def score(run: RunFolder, *overrides: str, output: Path | None = None) -> FeatureScores:
    return evaluate_features(
        str(run.weights), config_source=None, overrides=overrides, split="val", output=output
    )


def test_three_tables_and_two_files(run_folder: RunFolder, tmp_path: Path) -> None:
    scores = score(run_folder, output=tmp_path)

    results = json.loads((tmp_path / "results.json").read_text())
    assert results == scores.to_dict()
    assert results["probe"]["num_images"] == 12
    assert results["pairs"]["num_same"] == 3 * 6
    assert load_features(tmp_path / "train_features.npz").rows.shape == (24, 128)
    assert load_features(tmp_path / "val_features.npz").class_names == NAMES
    assert all(title in scores.table() for title in ("nearest neighbours", "linear probe", "pairs"))
    assert scores.summary.keys() == {"neighbours/top1", "probe/top1", "pairs/area_under_roc"}


def test_classes_may_be_others_than_the_networks(run_folder: RunFolder, examples: Path) -> None:
    scores = score(
        run_folder,
        f"data.root={examples / 'coco'}",
        *(f"data.{split}.annotations=annotations/instances.json" for split in ("train", "val")),
        *(f"data.{split}.limit=30" for split in ("train", "val")),
        "data.train.max_per_class=null",
        "data.val.max_per_class=null",
    )

    assert len(scores.probe.class_names) == 80
    assert len(scores.neighbours.answers.ranks) == 30
