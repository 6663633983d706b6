"""Pictures show the images with what is taught and what is found in them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from detection.pictures import Pictures
from lumbar.data.image_io import read_image
from lumbar.ops.structures import Batch, Detections
from lumbar.training.run_folder import RunFolder
from tests.detection.parts import SIZES, make_images, make_targets

NAMES = ("a", "b", "c")


@pytest.fixture
def batch() -> Batch:
    return Batch(make_images(), make_targets(2, 0), torch.tensor([4, 5]))


@pytest.fixture
def trainer() -> Trainer:
    options = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    return Trainer(accelerator="cpu", **dict.fromkeys(options, False))


def make_detections(*scores: float) -> Detections:
    """The same box in both images, with one score each."""
    box = torch.tensor([4.0, 5.0, 30.0, 40.0]).expand(2, 1, 4)
    return Detections(
        box, torch.tensor(scores)[:, None], torch.ones(2, 1, dtype=torch.int64), box[..., 0] > 0
    )


def changed(picture: np.ndarray, plain: np.ndarray) -> bool:
    assert picture.shape == plain.shape
    return not np.array_equal(picture, plain)


def test_a_picture_is_the_image_without_its_padding(tmp_path: Path, batch: Batch) -> None:
    picture = Pictures(tmp_path, NAMES).with_truth(batch, 1)

    height, width, _ = picture.shape
    assert height / width == pytest.approx(SIZES[1][0] / SIZES[1][1])
    blocks = picture.reshape(SIZES[1][0], height // SIZES[1][0], SIZES[1][1], -1, 3)
    pixels = batch.images.canvas[1, :, : SIZES[1][0], : SIZES[1][1]].permute(1, 2, 0).numpy()
    correlation = np.corrcoef(blocks.mean((1, 3)).ravel(), pixels.ravel())[0, 1]
    assert correlation > 0.9


def test_truth_is_drawn_where_it_is(tmp_path: Path, batch: Batch) -> None:
    pictures = Pictures(tmp_path, NAMES)
    empty = batch._replace(targets=make_targets(0, 0))

    assert changed(pictures.with_truth(batch, 0), pictures.with_truth(empty, 0))
    assert not changed(pictures.with_truth(batch, 1), pictures.with_truth(empty, 1))


def test_only_likely_detections_are_drawn(tmp_path: Path, batch: Batch) -> None:
    pictures = Pictures(tmp_path, NAMES)
    plain = pictures.with_truth(batch._replace(targets=make_targets(0, 0)), 0)

    drawn = pictures.with_detections(batch, make_detections(0.9, 0.9), 0)
    unlikely = pictures.with_detections(batch, make_detections(0.4, 0.9), 0)

    assert changed(drawn, plain)
    assert not changed(unlikely, plain)


def test_each_evaluation_draws_its_first_images_anew(
    tmp_path: Path, batch: Batch, trainer: Trainer
) -> None:
    module = LightningModule()
    outputs = {"detections": make_detections(0.9, 0.9)}
    heights = []
    for count, batches in ((1, 3), (3, 3), (6, 1)):
        pictures = Pictures(tmp_path, NAMES, count=count)
        for _ in range(2):
            for index in range(batches):
                pictures.on_validation_batch_end(trainer, module, outputs, batch, index)
            pictures.on_validation_epoch_end(trainer, module)
        heights.append(len(read_image(tmp_path / "val_predictions.jpg")))

    assert heights[0] < heights[2] < heights[1]
    assert not (tmp_path / "test_predictions.jpg").exists()


def test_no_images_no_picture(tmp_path: Path, trainer: Trainer) -> None:
    Pictures(tmp_path, NAMES).on_test_epoch_end(trainer, LightningModule())

    assert list(tmp_path.iterdir()) == []


def test_only_the_first_training_batch_is_drawn(
    tmp_path: Path, batch: Batch, trainer: Trainer
) -> None:
    path = tmp_path / "new" / "train_batch.jpg"
    for index in range(2):
        Pictures(path.parent, NAMES).on_train_batch_start(trainer, LightningModule(), batch, index)
        batch.images.canvas.zero_()

    assert read_image(path).std() > 10


def test_a_run_leaves_pictures(run_folder: RunFolder) -> None:
    names = {path.name for path in run_folder.pictures.iterdir()}

    assert names == {"train_batch.jpg", "val_predictions.jpg", "test_predictions.jpg"}
