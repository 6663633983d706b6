"""Scores of a trained classifier on a split."""

from collections.abc import Sequence
from pathlib import Path

from classification.classifier import Classifier
from classification.data import make_datamodule
from classification.module import make_module
from classification.scores import ClassificationScores
from classification.weights import load_classifier
from lumbar.tasks.evaluate import score_split
from lumbar.tasks.settings import settings_for
from lumbar.training.run import EvalSplit


def evaluate_weights(
    source: str,
    *,
    config_source: str | None,
    overrides: Sequence[str],
    split: EvalSplit,
    output: Path | None,
) -> ClassificationScores:
    """Scores a classifier.

    Args:
        source: Its weights, as for `load_classifier`.
        config_source: Config that names the data; None takes that of the weights.
        overrides: Settings that win over the config's.
        split: `val` or `test`.
        output: Folder for results.json; None writes nothing.

    Returns:
        The scores.

    Raises:
        ValueError: If weights, config or data are missing or wrong.
    """
    weights = load_classifier(source)
    config = settings_for(weights.config, config_source, overrides)
    datamodule = make_datamodule(
        config.data,
        in_channels=weights.config.model.backbone.in_channels,
        seed=config.seed,
        class_names=weights.class_names,
    )
    datamodule.prepare(split)
    model = Classifier.from_weights(weights).model
    module = make_module(model, config, weights.class_names, [split])
    return score_split(module, datamodule, config.trainer, split=split, output=output)
