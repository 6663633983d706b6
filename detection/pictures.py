"""Pictures for people who would rather look: a training batch with its boxes, predictions beside the ground truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.draw import contact_sheet, draw_boxes, side_by_side
from lumbar.ops.structures import Batch, Detections

Picture = NDArray[np.uint8]
_SHOWN_SCORE = 0.5


class Pictures(Callback):
    """Draws the first training batch and the first images of each evaluation into the run folder."""

    def __init__(self, folder: Path, names: Sequence[str], *, count: int = 6) -> None:
        """Keeps where to draw.

        Args:
            folder: Of the pictures; made when the first one is.
            names: Class names.
            count: Images drawn of each evaluation.
        """
        self._folder = folder
        self._names = names
        self._count = count
        self._pairs: list[Picture] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Draws the first batch of the run."""
        path = self._folder / "train_batch.jpg"
        if trainer.is_global_zero and trainer.global_step == 0 and not path.exists():
            drawn = [self.with_truth(batch, index) for index in range(len(batch.image_ids))]
            self._write(path, contact_sheet(drawn[: self._count], columns=2))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keeps the pictures of the first images."""
        self._keep(trainer, batch, outputs["detections"])

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keeps the pictures of the first images."""
        self._keep(trainer, batch, outputs["detections"])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the pictures of this validation over those of the last one."""
        self._finish(self._folder / "val_predictions.jpg")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the pictures of the test images."""
        self._finish(self._folder / "test_predictions.jpg")

    def with_truth(self, batch: Batch, index: int) -> Picture:
        """One image of a batch with the boxes it is taught."""
        targets = batch.targets
        keep = targets.valid[index]
        boxes, labels = targets.boxes[index][keep], targets.labels[index][keep]
        return draw_boxes(
            _image(batch, index), boxes.cpu().numpy(), labels.cpu().numpy(), self._names
        )

    def with_detections(self, batch: Batch, detections: Detections, index: int) -> Picture:
        """One image of a batch with the boxes that were found in it."""
        found = detections.image(index)
        boxes, scores, labels, _ = (
            field[found.scores >= _SHOWN_SCORE].cpu().float().numpy() for field in found
        )
        return draw_boxes(
            _image(batch, index), boxes, labels.astype(np.int64), self._names, scores=scores
        )

    def _keep(self, trainer: Trainer, batch: Batch, detections: Detections) -> None:
        for index in range(len(batch.image_ids)):
            if trainer.is_global_zero and len(self._pairs) < self._count:
                truth = self.with_truth(batch, index)
                found = self.with_detections(batch, detections, index)
                self._pairs.append(side_by_side(truth, found, ("ground truth", "predicted")))

    def _finish(self, path: Path) -> None:
        if self._pairs:
            self._write(path, contact_sheet(self._pairs, columns=1))
            self._pairs = []

    def _write(self, path: Path, picture: Picture) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, quality=90)


def _image(batch: Batch, index: int) -> Picture:
    height, width = batch.images.sizes[index].tolist()
    pixels = batch.images.canvas[index, :, :height, :width].permute(1, 2, 0).cpu()
    return np.ascontiguousarray(pixels.clamp(0, 255).byte().numpy())
