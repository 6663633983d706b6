"""One training run of a detector, by the course that every task follows."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from backbones.weights import LoadReport
from detection.build import build_detector
from detection.coco_eval import CocoAP, CocoScores
from detection.config import DetectionConfig
from detection.data import make_datamodule
from detection.faster_rcnn import FasterRCNN
from detection.module import DetectionModule
from detection.pictures import BoxDrawing
from detection.weights import DetectorWeights, load_for_training, save_detector
from lumbar.data.categories import Categories
from lumbar.data.sizes import Size
from lumbar.data.splits import Split
from lumbar.tasks.course import Course, Prepared


def _prepare(config: DetectionConfig) -> Prepared[CocoScores]:
    datamodule = make_datamodule(config)
    config = _with_canvases(config, datamodule.canvases)
    categories = datamodule.categories
    model, report = _build(config, categories)
    splits: tuple[Split, ...] = ("val", "test") if config.data.test.annotations else ("val",)
    module = DetectionModule(
        model,
        metrics={split: CocoAP(datamodule.records(split)) for split in splits},
        optim=config.optim,
        schedule=config.schedule,
        images_per_batch=config.data.batch_size_per_device,
    )

    def _save(path: Path, state: dict[str, Tensor]) -> None:
        save_detector(path, DetectorWeights(state, config, categories))

    return Prepared(
        config=config,
        trainer=config.trainer,
        module=module,
        datamodule=datamodule,
        rehearsals=datamodule.made_up_batches(),
        canvases=datamodule.explain_canvases(),
        num_images={split: len(datamodule.records(split)) for split in ("train", "val")},
        classes=categories.names,
        network=f"{config.model.backbone.name} with pyramid",
        report=report,
        drawing=BoxDrawing(categories.names),
        save=_save,
    )


def _with_canvases(config: DetectionConfig, canvases: Sequence[Size]) -> DetectionConfig:
    """Writes down those that were chosen from the data: evaluation and a resumed run take the same."""
    data = config.data.model_copy(update={"canvas_buckets": tuple(canvases)})
    return config.model_copy(update={"data": data})


def _build(config: DetectionConfig, categories: Categories) -> tuple[FasterRCNN, LoadReport | None]:
    if config.model.weights == "none":
        model, report = build_detector(config.model, len(categories))
    else:
        model, report = load_for_training(config.model, categories)
    return model, report


train = Course(_prepare)
