"""How boxes are drawn in the pictures of a run."""

from collections.abc import Mapping, Sequence

import numpy as np

from lumbar.data.draw import Picture, draw_boxes, side_by_side
from lumbar.ops.structures import Batch, Detections
from lumbar.tasks.pictures import without_padding

_SHOWN_SCORE = 0.5


class BoxDrawing:
    """Draws images with the boxes they are taught, and with those that were found in them."""

    def __init__(self, names: Sequence[str]) -> None:
        """Draws boxes with these names of classes."""
        self._names = names

    def truth(self, batch: Batch, index: int) -> Picture:
        """One image of a batch with the boxes it is taught."""
        targets = batch.targets
        keep = targets.valid[index]
        boxes, labels = targets.boxes[index][keep], targets.labels[index][keep]
        return draw_boxes(
            without_padding(batch.images, index),
            boxes.cpu().numpy(),
            labels.cpu().numpy(),
            self._names,
        )

    def found(self, batch: Batch, detections: Detections, index: int) -> Picture:
        """One image of a batch with the likely boxes that were found in it."""
        found = detections.image(index)
        boxes, scores, labels, _ = (
            field[found.scores >= _SHOWN_SCORE].cpu().float().numpy() for field in found
        )
        return draw_boxes(
            without_padding(batch.images, index),
            boxes,
            labels.astype(np.int64),
            self._names,
            scores=scores,
        )

    def comparison(self, batch: Batch, outputs: Mapping[str, Detections], index: int) -> Picture:
        """Both, beside each other."""
        found = self.found(batch, outputs["detections"], index)
        return side_by_side({"ground truth": self.truth(batch, index), "predicted": found})

    def explained(self, sheet: Picture) -> Picture:
        """The sheet as it is: boxes have their names beside them."""
        return sheet
