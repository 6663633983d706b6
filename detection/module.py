"""Faster R-CNN as a Lightning module: which step computes what, and nothing of how."""

from typing import Any

from detection.coco_eval import CocoAP, CocoScores
from detection.faster_rcnn import FasterRCNN
from lumbar.ops.structures import Batch, Detections
from lumbar.tasks.module import TaskModule


class DetectionModule(TaskModule[CocoScores]):
    """Trains on `losses`, validates on `predict` and COCO's AP."""

    model: FasterRCNN
    metrics: dict[str, CocoAP]
    monitor = "val/AP"

    def forward(self, batch: Batch) -> Detections:
        """Detects the objects of a batch of (B, C, H, W) images."""
        return self.model.predict(batch.images)

    def validation_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        """The `detections` of one batch; its losses come from the same features."""
        dense = self.model.dense(batch.images)
        self.note_losses(self.model.sparse_losses(dense, batch.images, batch.targets), batch)
        return self._collect("val", batch, self.model.sparse_predict(dense, batch.images))

    def test_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        """The `detections` of one batch."""
        return self._collect("test", batch, self.model.predict(batch.images))

    def _collect(self, split: str, batch: Batch, detections: Detections) -> dict[str, Any]:
        self.metrics[split].update(detections, batch.images, batch.image_ids)
        return {"detections": detections}
