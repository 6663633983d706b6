"""A segmenter as a Lightning module: which step computes what, and nothing of how."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypedDict

import torch.nn.functional as F
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.data.splits import Split
from lumbar.ops.structures import Images, MaskBatch
from lumbar.tasks.module import TaskModule
from lumbar.training.config import OptimConfig, ScheduleConfig
from segmentation.config import SegmentationConfig
from segmentation.data import MaskDataModule
from segmentation.fcn import FCN, Segmentation
from segmentation.inference import build_inference, decide, to_original
from segmentation.labels import TASKS
from segmentation.metrics import SegmentationMetric
from segmentation.scores import SegmentationScores
from segmentation.views import Inference

_HEADLINE = "pooled/mean_iou"


class Outcome(TypedDict):
    """What an evaluation step has found, on the canvas."""

    probabilities: Tensor
    """(B, K, H, W)."""
    labels: Tensor
    """The truth, (B, H, W) or (B, K, H, W)."""


class SegmentationModule(TaskModule[SegmentationScores]):
    """Trains on `losses`, validates as images are predicted.

    The score that decides which checkpoint is best, `val/mean_iou`, is the pooled one.
    """

    model: FCN
    metrics: dict[str, SegmentationMetric]
    monitor = "val/mean_iou"

    def __init__(
        self,
        model: FCN,
        *,
        metrics: Mapping[str, SegmentationMetric],
        inference: Inference,
        scored_at: Literal["original", "resized"],
        optim: OptimConfig,
        schedule: ScheduleConfig,
        images_per_batch: int,
    ) -> None:
        """Joins a segmenter with its evaluation and its optimisation.

        Args:
            model: The segmenter.
            metrics: Of the splits that are evaluated, `val` and `test` or one of them.
            inference: How an image is looked at in evaluation.
            scored_at: Whether labels to evaluate by come in the sizes of the files, or resized with their images.
            optim: Settings of the optimiser.
            schedule: Settings of the learning rate.
            images_per_batch: Training images on each device in one batch.
        """
        super().__init__(
            model,
            metrics=metrics,
            optim=optim,
            schedule=schedule,
            images_per_batch=images_per_batch,
        )
        self.inference = inference
        self.scored_at = scored_at

    def forward(self, batch: MaskBatch) -> Segmentation:
        """Labels the pixels of a batch of (B, C, H, W) images."""
        return self.model.predict(batch.images)

    def validation_step(self, batch: MaskBatch, batch_index: int) -> Outcome:
        """What is found in one batch; while the model is trained, its losses, too."""
        outcome = self._collect("val", batch)
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.note_losses(self.model.losses(batch.images, outcome["labels"]), batch)
        return outcome

    def test_step(self, batch: MaskBatch, batch_index: int) -> Outcome:
        """What is found in one batch."""
        return self._collect("test", batch)

    def score(self, split: str) -> None:
        """Scores what was predicted for `val` or `test`, and logs it, the headline by a short name, too."""
        super().score(split)
        headline = self.scores[split].summary[_HEADLINE]
        self.log(f"{split}/mean_iou", math.nan if headline is None else headline)

    def _collect(self, split: str, batch: MaskBatch) -> Outcome:
        probabilities = self.inference(self.model, batch.images)
        if self.scored_at == "resized":
            labels = batch.labels
            predicted = decide(self.model.task, probabilities)
            self.metrics[split].update(predicted, labels, batch.image_ids)
        else:
            labels = on_canvas(batch.labels, batch.images)
            for row, truth, image_id in _images(probabilities, batch):
                predicted = decide(self.model.task, row)
                self.metrics[split].update(predicted, truth, image_id)
        return Outcome(probabilities=probabilities, labels=labels)


def make_module(
    model: FCN, config: SegmentationConfig, datamodule: MaskDataModule, splits: Sequence[Split]
) -> SegmentationModule:
    """Joins a segmenter with the evaluation and the optimisation that a config names.

    Args:
        model: The segmenter.
        config: Of the run.
        datamodule: Its data.
        splits: Those that are evaluated.

    Raises:
        ValueError: The masks do not fit the task, or the scores leave out a class that is not there.
    """
    for split in splits:
        check_task(config, datamodule.records(split), split)
    return SegmentationModule(
        model,
        metrics={split: make_metric(config, datamodule.classes) for split in splits},
        inference=build_inference(config.inference),
        scored_at=config.scores.at,
        optim=config.optim,
        schedule=config.schedule,
        images_per_batch=config.data.batch_size_per_device,
    )


def make_metric(config: SegmentationConfig, classes: PixelClasses) -> SegmentationMetric:
    """Makes the metric of a split, as a config names it.

    Raises:
        ValueError: The scores leave out a class that is not there.
    """
    scores = config.scores
    return SegmentationMetric(
        TASKS[config.task],
        class_names=classes.names,
        left_out=scores.left_out,
        rim_share=scores.rim_share,
        policies=scores.policies,
    )


def check_task(config: SegmentationConfig, records: MaskRecords, split: Split) -> None:
    """Compares the task with what the masks of a split are.

    Raises:
        ValueError: They do not fit.
    """
    of_masks = "multilabel" if records.multilabel else "multiclass"
    if config.task != of_masks:
        raise ValueError(
            f"task={config.task} does not fit data.{split}, whose masks are {of_masks}: set task={of_masks}, or "
            f"data.{split}.format, which is class_folders where a pixel may have several classes"
        )


def on_canvas(labels: Tensor, images: Images) -> Tensor:
    """Resizes labels as their images were, without mixing them.

    Args:
        labels: (B, H, W) or (B, K, H, W) uint8 in the sizes of the files.
        images: Of the same files, (B, C, H, W).

    Returns:
        The labels on the canvas, IGNORE outside the images.
    """
    canvas = labels.new_full((*labels.shape[:-2], *images.canvas.shape[-2:]), IGNORE)
    sizes, originals = images.sizes.tolist(), images.original_sizes.tolist()
    for row, source, (height, width), (rows, columns) in zip(
        canvas, labels, sizes, originals, strict=True
    ):
        resized = F.interpolate(
            source[..., :rows, :columns].reshape(1, -1, rows, columns),
            size=(height, width),
            mode="nearest-exact",
        )
        row[..., :height, :width] = resized.view(*source.shape[:-2], height, width)
    return canvas


def _images(probabilities: Tensor, batch: MaskBatch) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Probabilities, labels and id of each image (1, ...) in the size of its file."""
    rows = to_original(probabilities, batch.images)
    for row, labels, image_id in zip(
        rows, batch.labels.split(1), batch.image_ids.split(1), strict=True
    ):
        height, width = row.shape[-2:]
        yield row, labels[..., :height, :width], image_id
