"""One training run of a classifier, by the course that every task follows."""

from pathlib import Path

from torch import Tensor

from backbones.weights import LoadReport
from classification.build import build_network
from classification.config import ClassificationConfig
from classification.data import make_datamodule
from classification.module import make_module
from classification.network import PooledNetwork
from classification.pictures import LabelDrawing
from classification.scores import ClassificationScores
from classification.weights import ClassifierWeights, load_for_training, save_classifier
from lumbar.data.splits import Split
from lumbar.tasks.course import Course, Prepared


def _prepare(config: ClassificationConfig) -> Prepared[ClassificationScores]:
    datamodule = make_datamodule(
        config.data, in_channels=config.model.backbone.in_channels, seed=config.seed
    )
    splits: tuple[Split, ...] = ("val", "test") if config.data.test.images else ("val",)
    for split in ("train", *splits):
        datamodule.prepare(split)
    class_names = datamodule.class_names
    model, report = _build(config, class_names)

    def _save(path: Path, state: dict[str, Tensor]) -> None:
        save_classifier(path, ClassifierWeights(state, config, class_names))

    return Prepared(
        config=config,
        trainer=config.trainer,
        module=make_module(model, config, class_names, splits, pretrained=report is not None),
        datamodule=datamodule,
        rehearsals=datamodule.made_up_batches(),
        num_images={split: len(datamodule.images(split)) for split in ("train", "val")},
        classes=class_names,
        network=f"{config.model.backbone.name} with a linear layer",
        report=report,
        drawing=LabelDrawing(class_names),
        save=_save,
    )


def _build(
    config: ClassificationConfig, class_names: tuple[str, ...]
) -> tuple[PooledNetwork, LoadReport | None]:
    if config.model.weights == "none":
        model, report = build_network(config, len(class_names))
    else:
        model, report = load_for_training(config, class_names)
    return model, report


train = Course(_prepare)
