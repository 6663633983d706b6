"""One fold: a segmenter is trained on all patients but some, by the course that every training follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.tasks.course import Course, Prepared
from lumbar.training.hardware import total_batch
from lumbar.training.run_folder import RunFolder
from medical.learning.augment import Augment
from medical.learning.data import FoldData, choose_tiles
from medical.learning.lesion_sampler import LesionSampler
from medical.learning.patches import PatchDataset, TileDataset
from medical.learning.plan import Plan
from medical.learning.settings import segmenter_config
from medical.learning.store import CaseStore
from medical.study.config import MedicalConfig
from medical.study.proposal import Resolved
from segmentation.build import build_segmenter
from segmentation.class_weights import median_frequency_weights
from segmentation.config import SegmentationConfig
from segmentation.fcn import FCN
from segmentation.inference import build_inference
from segmentation.labels import TASKS
from segmentation.loss_build import asks_data, build_loss
from segmentation.module import SegmentationModule, make_metric
from segmentation.pictures import MaskDrawing
from segmentation.scores import SegmentationScores
from segmentation.weights import SegmenterWeights, load_for_training, save_segmenter

_TASK = TASKS["multiclass"]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What one fold is about."""

    folder: RunFolder
    config: MedicalConfig
    resolved: Resolved
    classes: PixelClasses
    store: CaseStore
    """Of all cases."""
    held_out: Sequence[int]
    """Indices of the cases that are not trained on."""

    @property
    def seed(self) -> int:
        """Of everything random."""
        return self.config.seed

    @property
    def is_trained(self) -> bool:
        """Whether an earlier run has finished it."""
        return self.folder.weights.is_file() and self.folder.results.is_file()

    @property
    def sampler(self) -> LesionSampler:
        """Says where patches are cut."""
        cases = [self.store[index] for index in self._trained]
        shapes = [case.labels.shape for case in cases]
        return LesionSampler(
            [(depth, height, width) for depth, height, width in shapes],
            [case.lesions for case in cases],
            lesion_share=self.config.lesion_share,
            seed=self.seed,
        )

    @property
    def patches_per_step(self) -> int:
        """Over all accumulated batches."""
        return total_batch(self.config.trainer, self.config.batch)

    @property
    def class_weights(self) -> list[float]:
        """How much each of the K classes should count, by how rare it is in the cases that are trained on."""
        labels = [self.store[index].labels for index in self._trained]
        counts = [np.bincount(case.ravel(), minlength=IGNORE + 1) for case in labels]
        pixels = np.array(counts)[:, : len(self.classes)]
        labelled = np.broadcast_to(pixels.sum(1, keepdims=True), pixels.shape)
        weights: list[float] = median_frequency_weights(pixels, labelled).tolist()
        return weights

    def data(self, plan: Plan, sampler: LesionSampler, settings: SegmentationConfig) -> FoldData:
        """Makes the loaders."""
        preprocess = self.resolved.preprocess
        patch, slices = preprocess.tile, preprocess.slices
        patches = PatchDataset(
            self.store.subset(self._trained),
            sampler,
            Augment(self.config.augment, self.resolved.flips),
            patch=patch,
            slices=slices,
            seed=self.seed,
        )
        others = self.store.subset(self.held_out)
        return FoldData(
            settings.data,
            patches=patches,
            patches_per_epoch=plan.steps_per_round * self.patches_per_step,
            held_out=TileDataset(others, choose_tiles(others, patch), patch=patch, slices=slices),
            patch=patch,
            seed=self.seed,
        )

    @property
    def _trained(self) -> list[int]:
        return [index for index in range(len(self.store)) if index not in {*self.held_out}]


class FoldModule(SegmentationModule):
    """Trains like any segmenter, but no checkpoint is better than another: the held-out patients choose nothing."""

    monitor = "nothing"
    """Is never logged, so that the weights are those of the last step, or their average."""


def prepare_fold(fold: Fold, plan: Plan) -> Prepared[SegmentationScores]:
    """Builds the model and the loaders of a fold.

    Raises:
        ValueError: Weights or augmentations are missing or wrong.
    """
    settings = segmenter_config(fold.config, fold.resolved, fold.classes, plan)
    sampler, classes = fold.sampler, fold.classes
    data = fold.data(plan, sampler, settings)
    model, report = _build(settings, fold)

    def _save(path: Path, state: dict[str, Tensor]) -> None:
        save_segmenter(path, SegmenterWeights(state, settings, classes))

    return Prepared(
        config=settings,
        trainer=settings.trainer,
        module=_module(model, settings, classes),
        datamodule=data,
        rehearsals=data.made_up_batches(),
        num_images={"train": data.patches_per_epoch, "val": data.num_tiles},
        classes=classes.names,
        network=f"{settings.model.backbone.name} with head {settings.model.head.name}",
        report=report,
        drawing=MaskDrawing(classes, _TASK),
        save=_save,
    )


def train_fold(fold: Fold, plan: Plan, *, name: str) -> None:
    """Trains a fold, or goes on where it was interrupted.

    Raises:
        ValueError: Something is missing or wrong.
        Interrupted: It was told to stop.
    """
    course = Course(partial(prepare_fold, plan=plan))
    course(fold, name=name, output=fold.folder.path, resume="auto")


def _build(settings: SegmentationConfig, fold: Fold) -> tuple[FCN, object]:
    weights = fold.class_weights if asks_data(settings.losses) else None
    loss = build_loss(settings.losses, _TASK, weights)
    report: object
    if settings.model.weights == "none":
        model, report = build_segmenter(settings.model, len(fold.classes), task=_TASK, loss=loss)
    else:
        model, report = load_for_training(settings.model, fold.classes, task=_TASK, loss=loss)
    return model, report


def _module(model: FCN, settings: SegmentationConfig, classes: PixelClasses) -> FoldModule:
    return FoldModule(
        model,
        metrics={"val": make_metric(settings, classes)},
        # The curve is of tiles, each of which is looked at once.
        inference=build_inference(
            settings.inference.model_copy(update={"mode": "whole", "flips": ()})
        ),
        scored_at="resized",
        optim=settings.optim,
        schedule=settings.schedule,
        images_per_batch=settings.data.batch_size_per_device,
    )
