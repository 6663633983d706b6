"""Pictures for people who would rather look: a training batch with its truth, predictions beside the ground truth."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image

from lumbar.data.draw import Picture, contact_sheet
from lumbar.ops.structures import Images


class Drawing(Protocol):
    """How a task draws one image of a batch; pictures are (H, W, 3) uint8 RGB."""

    def truth(self, batch: Any, index: int) -> Picture:
        """The image with what it teaches."""

    def comparison(self, batch: Any, outputs: Any, index: int) -> Picture:
        """The image with its ground truth and with what an evaluation step has found."""

    def explained(self, sheet: Picture) -> Picture:
        """A sheet of such pictures with what one needs to read them, such as a legend."""


class Pictures(Callback):
    """Draws the first training batch and the first images of each evaluation into the run folder."""

    def __init__(self, folder: Path, drawing: Drawing, *, count: int = 6) -> None:
        """Keeps where to draw.

        Args:
            folder: Of the pictures; made when the first one is.
            drawing: How the task draws.
            count: Images drawn of each evaluation.
        """
        self._folder = folder
        self._drawing = drawing
        self._count = count
        self._compared: list[Picture] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Draws the first batch of the run."""
        path = self._folder / "train_batch.jpg"
        if trainer.is_global_zero and trainer.global_step == 0 and not path.exists():
            shown = range(min(self._count, len(batch.image_ids)))
            drawn = [self._drawing.truth(batch, index) for index in shown]
            self._write(path, contact_sheet(drawn, columns=2))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keeps the pictures of the first images."""
        for index in range(len(batch.image_ids)):
            if trainer.is_global_zero and len(self._compared) < self._count:
                self._compared.append(self._drawing.comparison(batch, outputs, index))

    on_test_batch_end = on_validation_batch_end

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the pictures of this validation over those of the last one."""
        self._finish(self._folder / "val_predictions.jpg")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the pictures of the test images."""
        self._finish(self._folder / "test_predictions.jpg")

    def _finish(self, path: Path) -> None:
        if self._compared:
            self._write(path, contact_sheet(self._compared, columns=1))
            self._compared = []

    def _write(self, path: Path, picture: Picture) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self._drawing.explained(picture)).save(path, quality=90)


def without_padding(images: Images, index: int) -> Picture:
    """One image of (B, C, H, W) without its padding, (h, w, 3) uint8, or (h, w, 1) with less than 3 channels."""
    height, width = images.sizes[index].tolist()
    shown = 3 if images.canvas.shape[1] >= 3 else 1
    pixels = images.canvas[index, :shown, :height, :width].permute(1, 2, 0).cpu()
    return np.ascontiguousarray(pixels.clamp(0, 255).byte().numpy())
