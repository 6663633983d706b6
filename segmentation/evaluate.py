"""Scores of a trained segmenter on a split, or of any folder of predicted masks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lumbar.data.mask_io import read_labels
from lumbar.data.mask_records import MaskRecords
from lumbar.tasks.evaluate import score_split, write_scores
from lumbar.tasks.settings import load_settings, settings_for
from lumbar.training.load import override_config
from lumbar.training.run import EvalSplit
from segmentation.config import SegmentationConfig
from segmentation.data import make_datamodule
from segmentation.data_config import MaskSplitConfig
from segmentation.module import check_task, make_metric, make_module
from segmentation.read_masks import read_masks
from segmentation.scores import SegmentationScores
from segmentation.segmenter import Segmenter
from segmentation.weights import load_segmenter


def evaluate_weights(
    source: str,
    *,
    config_source: str | None,
    overrides: Sequence[str],
    split: EvalSplit,
    output: Path | None,
) -> SegmentationScores:
    """Scores a segmenter.

    Args:
        source: Its weights, as for `load_segmenter`.
        config_source: Config that names the data; None takes that of the weights.
        overrides: Settings that win over the config's.
        split: `val` or `test`.
        output: Folder for results.json; None writes nothing.

    Returns:
        The scores, pooled and of each case.

    Raises:
        ValueError: If weights, config or data are missing or wrong.
    """
    weights = load_segmenter(source)
    config = settings_for(weights.config, config_source, overrides)
    datamodule = make_datamodule(
        config.data,
        in_channels=weights.config.model.backbone.in_channels,
        seed=config.seed,
        classes=weights.classes,
        scored_at=config.scores.at,
    )
    datamodule.prepare(split)
    model = Segmenter.from_weights(weights).model
    module = make_module(model, config, datamodule, [split])
    return score_split(module, datamodule, config.trainer, split=split, output=output)


def evaluate_folder(
    predictions: Path,
    annotations: Path,
    *,
    config_source: str | None,
    overrides: Sequence[str],
    split: EvalSplit,
    output: Path | None,
) -> SegmentationScores:
    """Scores masks that somebody has predicted, in files like those of the ground truth.

    Args:
        predictions: Folder of masks that are nested and named as the annotated ones; where each class has a folder,
            there is one for every image in each.
        annotations: Folder of the ground truth.
        config_source: Config that says what the values mean and what is scored; None takes the defaults.
        overrides: Settings that win over the config's.
        split: The one whose settings say how files are named.
        output: Folder for results.json; None writes nothing.

    Returns:
        The scores, pooled and of each case.

    Raises:
        ValueError: If masks do not pair up or do not fit together, or have values that stand for nothing.
    """
    if config_source is None:
        config = override_config(SegmentationConfig(), overrides)
    else:
        config = load_settings(SegmentationConfig, config_source, overrides)
    records = _pairs(predictions.absolute(), annotations.absolute(), config, split)
    check_task(config, records, split)
    metric = make_metric(config, records.classes)
    for index, record in enumerate(records):
        metric.update(
            torch.from_numpy(_read(record.path, predictions.absolute(), records))[None],
            torch.from_numpy(records.labels(index, record.size))[None],
            torch.tensor([record.image_id]),
        )
    scores = metric.compute()
    write_scores(scores, output)
    return scores


def _pairs(
    predictions: Path, annotations: Path, config: SegmentationConfig, split: EvalSplit
) -> MaskRecords:
    """Pairs predicted masks with annotated ones, as images are paired with theirs."""
    classes = config.data.pixel_classes()
    settings: MaskSplitConfig = getattr(config.data, split)
    if classes is not None and settings.format == "class_folders":
        predictions = predictions / classes.names[0]
    places = {"images": str(predictions), "masks": str(annotations)}
    settings = settings.model_copy(update=places)
    try:
        return read_masks(settings, Path(), classes=classes, name=split)
    except ValueError as error:
        raise ValueError(f"{predictions}, scored by {annotations}: {error}") from error


def _read(path: Path, predictions: Path, records: MaskRecords) -> NDArray[np.uint8]:
    """Labels (H, W), or (K, H, W) from the files that are named alike in the folders of the classes."""
    classes = records.classes
    if not records.multilabel:
        return read_labels(path, classes)
    name = path.relative_to(predictions / classes.names[0])
    files = [predictions / folder / name for folder in classes.names]
    masks = [read_labels(file, classes, alone=label) for label, file in enumerate(files)]
    return np.stack(masks)
