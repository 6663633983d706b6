"""Scores of a trained detector on a split, or of any COCO results file."""

from collections.abc import Sequence
from pathlib import Path

from detection.coco_eval import CocoAP, CocoScores, load_results, load_truth, score_coco
from detection.coco_truth import Kind
from detection.data import make_datamodule
from detection.detector import Detector
from detection.module import DetectionModule
from detection.presets import PRESETS
from detection.weights import load_detector
from lumbar.tasks.evaluate import score_split, write_scores
from lumbar.tasks.settings import settings_for
from lumbar.training.run import EvalSplit


def evaluate_weights(
    source: str,
    *,
    config_source: str | None,
    overrides: Sequence[str],
    split: EvalSplit,
    output: Path | None,
) -> CocoScores:
    """Scores a detector.

    Args:
        source: Its weights, as for `load_detector`.
        config_source: Config that names the data; None takes that of the weights.
        overrides: Settings that win over the config's.
        split: `val` or `test`.
        output: Folder for results.json; None writes nothing.

    Returns:
        COCO's numbers.

    Raises:
        ValueError: If weights, config or data are missing or wrong.
    """
    weights = load_detector(source)
    config = settings_for(weights.config, config_source, overrides, presets=PRESETS)
    datamodule = make_datamodule(config, weights.categories)
    module = DetectionModule(
        Detector.from_weights(weights._replace(config=config)).model,
        metrics={split: CocoAP(datamodule.records(split))},
        optim=config.optim,
        schedule=config.schedule,
        images_per_batch=config.data.batch_size_per_device,
    )
    return score_split(module, datamodule, config.trainer, split=split, output=output)


def evaluate_file(predictions: Path, annotations: Path, output: Path | None) -> CocoScores:
    """Scores a COCO results file of boxes, or of masks where it has any.

    Args:
        predictions: List of results.
        annotations: Ground truth.
        output: Folder for results.json; None writes nothing.

    Returns:
        COCO's numbers.

    Raises:
        ValueError: If a file is missing or wrong.
    """
    results = load_results(predictions)
    has_masks = any("segmentation" in result for result in results)
    kind: Kind = "segm" if has_masks else "bbox"
    truth = load_truth(annotations)
    try:
        scores = score_coco(truth, results, kind)
    except ValueError as error:
        raise ValueError(f"{predictions}, scored by {annotations}: {error}") from error
    write_scores(scores, output)
    return scores
