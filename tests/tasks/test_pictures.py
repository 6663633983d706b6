"""The first training batch and the first images of each evaluation are drawn, and nothing else."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from lumbar.data.draw import Picture, side_by_side
from lumbar.data.image_io import read_image
from lumbar.ops.structures import Images
from lumbar.tasks.pictures import Pictures, without_padding

SIZES = ((24, 20), (16, 30))


class Pair(NamedTuple):
    """A batch as any task has it, without any truth."""

    images: Images
    image_ids: torch.Tensor


class PlainDrawing:
    """Draws the images as they are."""

    def truth(self, batch: Pair, index: int) -> Picture:
        return without_padding(batch.images, index)

    def comparison(self, batch: Pair, outputs: Picture, index: int) -> Picture:
        return side_by_side({"a": self.truth(batch, index), "b": outputs})

    def explained(self, sheet: Picture) -> Picture:
        return np.concatenate((sheet, np.full((40, *sheet.shape[1:]), 128, dtype=np.uint8)))


@pytest.fixture
def batch() -> Pair:
    canvas = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    return Pair(Images(canvas, torch.tensor(SIZES), torch.tensor(SIZES)), torch.tensor([4, 5]))


@pytest.fixture
def trainer() -> Trainer:
    options = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    return Trainer(accelerator="cpu", **dict.fromkeys(options, False))


def test_a_picture_is_the_image_without_its_padding(batch: Pair) -> None:
    height, width = SIZES[1]

    picture = without_padding(batch.images, 1)

    assert np.array_equal(picture, batch.images.canvas[1, :, :height, :width].permute(1, 2, 0))


def test_pixels_beyond_the_range_are_the_lightest_and_darkest(batch: Pair) -> None:
    canvas = torch.full((1, 1, 8, 8), 300.0)
    canvas[..., :4] = -20.0
    images = Images(canvas, torch.tensor([[8, 8]]), torch.tensor([[8, 8]]))

    assert {*without_padding(images, 0).flatten().tolist()} == {0, 255}


def test_each_evaluation_draws_its_first_images_anew(
    tmp_path: Path, batch: Pair, trainer: Trainer
) -> None:
    module = LightningModule()
    outputs = np.zeros((24, 20, 3), dtype=np.uint8)
    heights = []
    for count, batches in ((1, 3), (3, 3), (6, 1)):
        pictures = Pictures(tmp_path, PlainDrawing(), count=count)
        for _ in range(2):
            for index in range(batches):
                pictures.on_validation_batch_end(trainer, module, outputs, batch, index)
            pictures.on_validation_epoch_end(trainer, module)
        heights.append(len(read_image(tmp_path / "val_predictions.jpg")))

    assert heights[0] < heights[2] < heights[1]
    assert not (tmp_path / "test_predictions.jpg").exists()


def test_no_images_no_picture(tmp_path: Path, trainer: Trainer) -> None:
    Pictures(tmp_path, PlainDrawing()).on_test_epoch_end(trainer, LightningModule())

    assert list(tmp_path.iterdir()) == []


def test_only_the_first_training_batch_is_drawn(
    tmp_path: Path, batch: Pair, trainer: Trainer
) -> None:
    path = tmp_path / "new" / "train_batch.jpg"
    for index in range(2):
        pictures = Pictures(path.parent, PlainDrawing())
        pictures.on_train_batch_start(trainer, LightningModule(), batch, index)
        batch.images.canvas.zero_()

    picture = read_image(path)
    assert picture.std() > 10
    assert abs(picture[-40:].astype(int) - 128).max() < 10, "the explanation is not there"
