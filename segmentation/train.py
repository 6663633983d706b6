"""One training run of a segmenter, by the course that every task follows."""

from pathlib import Path

from torch import Tensor

from backbones.weights import LoadReport
from lumbar.data.pixel_classes import PixelClasses
from lumbar.data.splits import Split
from lumbar.tasks.course import Course, Prepared
from segmentation.build import build_segmenter
from segmentation.config import SegmentationConfig
from segmentation.data import MaskDataModule, make_datamodule
from segmentation.fcn import FCN
from segmentation.labels import TASKS
from segmentation.loss_build import asks_data, build_loss
from segmentation.module import make_module
from segmentation.pictures import MaskDrawing
from segmentation.scores import SegmentationScores
from segmentation.weights import SegmenterWeights, load_for_training, save_segmenter


def _prepare(config: SegmentationConfig) -> Prepared[SegmentationScores]:
    datamodule = make_datamodule(
        config.data,
        in_channels=config.model.backbone.in_channels,
        seed=config.seed,
        scored_at=config.scores.at,
    )
    splits: tuple[Split, ...] = ("val", "test") if config.data.test.masks else ("val",)
    for split in ("train", *splits):
        datamodule.prepare(split)
    model, report = _build(config, datamodule)
    classes = datamodule.classes

    def _save(path: Path, state: dict[str, Tensor]) -> None:
        save_segmenter(path, SegmenterWeights(state, config, classes))

    return Prepared(
        config=config,
        trainer=config.trainer,
        module=make_module(model, config, datamodule, splits),
        datamodule=datamodule,
        rehearsals=datamodule.made_up_batches(),
        num_images={split: len(datamodule.records(split)) for split in ("train", "val")},
        classes=classes.names,
        network=f"{config.model.backbone.name} with head {config.model.head.name}",
        report=report,
        drawing=MaskDrawing(classes, model.task),
        save=_save,
    )


def _build(config: SegmentationConfig, datamodule: MaskDataModule) -> tuple[FCN, LoadReport | None]:
    task, classes = TASKS[config.task], datamodule.classes
    _check_class_weights(config, classes)
    weights = datamodule.class_weights() if asks_data(config.losses) else None
    loss = build_loss(config.losses, task, weights)
    if config.model.weights == "none":
        model, report = build_segmenter(config.model, len(classes), task=task, loss=loss)
    else:
        model, report = load_for_training(config.model, classes, task=task, loss=loss)
    return model, report


def _check_class_weights(config: SegmentationConfig, classes: PixelClasses) -> None:
    for loss in config.losses:
        weights = loss.class_weights
        if isinstance(weights, tuple) and len(weights) != len(classes):
            raise ValueError(
                f"losses: {loss.name} has {len(weights)} class_weights for the {len(classes)} classes "
                f"{', '.join(classes.names)}; give one for each"
            )


train = Course(_prepare)
