"""Scores of a trained detector on a split, or of any COCO results file."""

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from detection.coco_eval import CocoScores, load_results, load_truth, score_coco
from detection.coco_truth import Kind
from detection.config import DetectionConfig
from detection.data import make_datamodule
from detection.detector import Detector
from detection.module import DetectionModule
from detection.paths import from_root
from detection.presets import PRESETS
from detection.weights import load_detector
from lumbar.training.checkpoint import write_json
from lumbar.training.load import load_config, override_config, project_root
from lumbar.training.run import EvalSplit, validate


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
    if config_source is None:
        config = override_config(weights.config, overrides)
    else:
        config = load_config(DetectionConfig, config_source, overrides, presets=PRESETS)
    config = from_root(config, project_root())
    datamodule = make_datamodule(config, weights.categories)
    records = datamodule.records(split)
    detector = Detector.from_weights(weights._replace(config=config))
    module = DetectionModule(
        detector.model,
        truth={split: records},
        optim=config.optim,
        schedule=config.schedule,
        images_per_batch=config.data.batch_size_per_device,
    )
    validate(module, datamodule, config.trainer, split=split)
    _write(module.scores[split], output)
    return module.scores[split]


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
    _write(scores, output)
    return scores


@rank_zero_only
def _write(scores: CocoScores, output: Path | None) -> None:
    if output is not None:
        write_json(output / "results.json", scores.to_dict())
