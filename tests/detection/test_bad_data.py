"""Runs on data with holes: images without objects, splits without objects, images that cannot be read."""

import csv
import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.coco_eval import CocoScores
from detection.config import DetectionConfig
from detection.train import train
from lumbar.tasks.course import Trained
from lumbar.training.load import override_config
from tests.detection.runs import tiny_run

NUM_IMAGES = 4


def write_data(folder: Path, *, train_boxes: int, val_boxes: int = NUM_IMAGES) -> None:
    """Writes two splits of the same four images, of which the last so many have a box."""
    for number in range(NUM_IMAGES):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    images = [
        {"id": number, "file_name": f"{number}.png", "height": 48, "width": 64}
        for number in range(NUM_IMAGES)
    ]
    for split, count in (("train", train_boxes), ("val", val_boxes)):
        boxes = [
            {"id": number, "image_id": number, "category_id": 1, "bbox": [9, 7, 30, 25]}
            for number in range(NUM_IMAGES - count, NUM_IMAGES)
        ]
        document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
        (folder / f"{split}.json").write_text(json.dumps(document))


@pytest.fixture
def config(tmp_path: Path, examples: Path) -> DetectionConfig:
    """One epoch over the data in `tmp_path`, image by image."""
    changes = [
        f"data.root={tmp_path}",
        "data.batch_size_per_device=1",
        "trainer.max_steps=null",
        "trainer.max_epochs=1",
        'data.test.annotations=""',
    ]
    changes += [f"data.{split}.images=." for split in ("train", "val")]
    changes += [f"data.{split}.annotations={split}.json" for split in ("train", "val")]
    return tiny_run(examples, changes)


def run(
    config: DetectionConfig, folder: Path, *changes: str
) -> tuple[Trained[CocoScores], list[dict[str, float]]]:
    """Trains, and returns what was logged of each step besides."""
    trained = train(override_config(config, changes), name="run", output=folder / "run")
    with trained.folder.metrics.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["train/loss"]]
    return trained, [{key: float(text) for key, text in row.items() if text} for row in rows]


@pytest.mark.parametrize("count", [0, 1])
def test_images_without_boxes_can_be_trained_on(
    count: int, config: DetectionConfig, tmp_path: Path
) -> None:
    """Of the four batches of the epoch, all or all but one have no box."""
    write_data(tmp_path, train_boxes=count)

    trained, steps = run(config, tmp_path, "data.keep_empty=true")

    assert len(steps) == NUM_IMAGES
    assert all(math.isfinite(step["train/loss"]) for step in steps)
    assert sum(step["train/rpn/box"] > 0 for step in steps) == count
    assert trained.scores is not None
    assert 0 <= trained.scores.summary["AP"] <= 1


def test_training_without_any_box_is_refused(config: DetectionConfig, tmp_path: Path) -> None:
    write_data(tmp_path, train_boxes=0)

    with pytest.raises(ValueError, match=r"data\.train: none of the 4 images .*keep_empty=true"):
        run(config, tmp_path)


def test_validation_without_any_box_has_no_score(config: DetectionConfig, tmp_path: Path) -> None:
    write_data(tmp_path, train_boxes=NUM_IMAGES, val_boxes=0)

    trained, _ = run(config, tmp_path)

    assert trained.folder.weights.is_file()
    assert trained.scores is not None
    assert set(trained.scores.summary.values()) == {-1}
    assert trained.scores.table().endswith("-1: no such object in the ground truth")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_image_ends_training_with_its_name(
    workers: int, config: DetectionConfig, tmp_path: Path
) -> None:
    write_data(tmp_path, train_boxes=NUM_IMAGES)
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:900])

    with pytest.raises(ValueError, match=r"2\.png: cannot be read"):
        run(config, tmp_path, f"data.workers={workers}")


def test_a_bad_image_can_be_black_in_training_but_not_in_evaluation(
    config: DetectionConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_data(tmp_path, train_boxes=NUM_IMAGES)
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:900])
    blank = "data.bad_images=blank"

    with caplog.at_level(logging.WARNING):
        _, steps = run(config, tmp_path, blank, "data.val.limit=2")

    assert len([message for message in caplog.messages if "2.png" in message]) == 1
    assert sum(step["train/rpn/box"] > 0 for step in steps) == NUM_IMAGES - 1
    with pytest.raises(ValueError, match=r"2\.png: cannot be read"):
        train(override_config(config, [blank]), name="run", output=tmp_path / "other")
