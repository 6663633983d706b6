"""Scores of weights are those of their run; scores of folders are those of the same masks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumbar.training.load import ConfigError
from lumbar.training.run_folder import RunFolder
from segmentation.evaluate import evaluate_folder, evaluate_weights
from segmentation.predict import predict_files
from segmentation.scores import SegmentationScores
from tests.segmentation.mask_set import VALUES

CLASSES = "data.classes={background: 0, disc: 100, square: 200}"


def of_weights(run: RunFolder, *overrides: str, output: Path | None = None) -> SegmentationScores:
    return evaluate_weights(
        str(run.weights), config_source=None, overrides=overrides, split="test", output=output
    )


def of_folder(
    predictions: Path, annotations: Path, *overrides: str, config: Path | None = None
) -> SegmentationScores:
    return evaluate_folder(
        predictions,
        annotations,
        config_source=None if config is None else str(config),
        overrides=overrides,
        split="test",
        output=None,
    )


def test_weights_score_as_at_the_end_of_their_run(tmp_path: Path, run_folder: RunFolder) -> None:
    scores = of_weights(run_folder, output=tmp_path)

    results = json.loads((tmp_path / "results.json").read_text())
    assert results == scores.to_dict() == json.loads(run_folder.results.read_text())


def test_overrides_and_another_config_reach_the_data(run_folder: RunFolder) -> None:
    for config in (None, str(run_folder.config)):
        scores = evaluate_weights(
            str(run_folder.weights),
            config_source=config,
            overrides=["data.val.limit=2", "scores.policies=[smp]"],
            split="val",
            output=None,
        )
        assert len(scores.counts.image_ids) == 2
        assert "iou_score/micro" in scores.to_dict()["policies"]["smp"]


def test_wrong_overrides_are_config_errors(run_folder: RunFolder) -> None:
    with pytest.raises(ConfigError, match=r"data\.val\.limt"):
        of_weights(run_folder, "data.val.limt=2")


def test_data_with_other_classes_are_refused(run_folder: RunFolder) -> None:
    with pytest.raises(ValueError, match=r"data\.test: .*cat"):
        of_weights(run_folder, "data.classes={background: 0, cat: 100, square: 200}")


@pytest.fixture
def predicted(tmp_path: Path, run_folder: RunFolder, mask_set: Path) -> Path:
    """What the run's weights predict for the test images."""
    predict_files(str(run_folder.weights), [str(mask_set / "images/test")], output=tmp_path / "out")
    return tmp_path / "out" / "masks"


def test_predicted_masks_score_as_the_weights_that_predict_them(
    predicted: Path, run_folder: RunFolder, mask_set: Path
) -> None:
    expected = of_weights(run_folder).to_dict()

    by_config = of_folder(predicted, mask_set / "masks/test", config=run_folder.config)
    by_hand = of_folder(
        predicted,
        mask_set / "masks/test",
        *(CLASSES, "data.void=[255]", "scores.left_out=[background]"),
    )

    assert by_config.to_dict() == by_hand.to_dict() == expected


@pytest.fixture
def copied(tmp_path: Path, mask_set: Path) -> Path:
    """Perfect predictions of the test masks."""
    return shutil.copytree(mask_set / "masks/test", tmp_path / "copied")


def test_folders_are_scored_by_the_policies_of_others(copied: Path, mask_set: Path) -> None:
    truth = mask_set / "masks/test"
    perfect = of_folder(copied, truth, CLASSES, "data.void=[255]", "scores.policies=[mmseg, smp]")

    policies = perfect.to_dict()["policies"]
    assert policies["mmseg"]["mIoU"] == policies["smp"]["iou_score/macro"] == 1
    assert perfect.summary["pooled/pixel_accuracy"] == 1


def write(path: Path, values: list[list[int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, dtype=np.uint8)).save(path)


def test_pixels_of_several_classes_are_scored_by_folders_of_classes(tmp_path: Path) -> None:
    write(tmp_path / "found" / "cat" / "1.png", [[255, 255], [0, 0]])
    write(tmp_path / "found" / "dog" / "1.png", [[0, 200], [0, 0]])
    write(tmp_path / "truth" / "cat" / "1.png", [[255, 0], [0, 0]])
    for kind in ("cat", "dog"):
        write(tmp_path / "found" / kind / "2.png", [[0, 0], [0, 0]])
    write(tmp_path / "truth" / "dog" / "2.png", [[200, 0], [0, 0]])
    settings = ("task=multilabel", "data.test.format=class_folders")

    scores = of_folder(
        tmp_path / "found", tmp_path / "truth", "data.classes={cat: 255, dog: 200}", *settings
    )

    assert scores.per_class["cat"]["pooled/iou"] == 0.5
    assert scores.per_class["cat"]["empty_correct"] == 1
    assert scores.per_class["dog"]["false_alarm"] == scores.per_class["dog"]["missed"] == 1
    assert scores.summary["pooled/pixel_accuracy"] == 13 / 16


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([], r"data\.classes is not set: say what the values"),
        ([CLASSES], "values that stand for no class: 255"),
        ([CLASSES, "data.void=[255]", "task=multilabel"], "task=multilabel does not fit"),
    ],
)
def test_mistakes_in_settings_are_named(
    changes: list[str], message: str, copied: Path, mask_set: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        of_folder(copied, mask_set / "masks/test", *changes)


def test_masks_that_do_not_pair_up_are_named(tmp_path: Path, mask_set: Path) -> None:
    write(tmp_path / "0.png", [[VALUES[1]] * 40] * 48)

    with pytest.raises(ValueError, match=r"do not pair up.*\n.*1\.png: no image"):
        of_folder(tmp_path, mask_set / "masks/test", CLASSES, "data.void=[255]")
    write(tmp_path / "1.png", [[0]])
    with pytest.raises(ValueError, match=r"masks that do not fit.*\n.*is 40 x 48 pixels"):
        of_folder(tmp_path, mask_set / "masks/test", CLASSES, "data.void=[255]")
