"""Scores of the features of a trained network: by neighbours, by a linear probe, by pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from classification.classifier import Classifier
from classification.data import make_datamodule
from classification.features import Features, extract, save_features
from classification.linear_probe import probe_scores
from classification.metrics import ClassificationMetric
from classification.neighbours import neighbour_scores
from classification.scores import ClassificationScores
from classification.verification import Verification, verify
from classification.weights import load_classifier
from lumbar.tasks.evaluate import write_scores
from lumbar.tasks.settings import settings_for
from lumbar.training.run import EvalSplit


class FeatureScores(NamedTuple):
    """How much the features of a split say about its classes."""

    neighbours: ClassificationScores
    """By the classes of the training images that are most alike."""
    probe: ClassificationScores
    """By a linear classifier that was trained on the training images."""
    pairs: Verification
    """Of images of the split."""

    @property
    def summary(self) -> dict[str, float | None]:
        """The headlines."""
        return {
            "neighbours/top1": self.neighbours.summary["top1"],
            "probe/top1": self.probe.summary["top1"],
            "pairs/area_under_roc": self.pairs.area,
        }

    def to_dict(self) -> dict[str, Any]:
        """Returns what results.json holds."""
        return {name: part.to_dict() for name, part in self._asdict().items()}

    def table(self) -> str:
        """Renders the numbers for a terminal."""
        parts = (
            f"nearest neighbours\n{self.neighbours.table()}",
            f"linear probe\n{self.probe.table()}",
            self.pairs.table(),
        )
        return "\n\n".join(parts)


def evaluate_features(
    source: str,
    *,
    config_source: str | None,
    overrides: Sequence[str],
    split: EvalSplit,
    output: Path | None,
) -> FeatureScores:
    """Scores the features of a classifier, whose own classes and those of the data may differ.

    Args:
        source: Its weights, as for `load_classifier`.
        config_source: Config that names the data; None takes that of the weights.
        overrides: Settings that win over the config's.
        split: `val` or `test`, which is asked; the training split is known.
        output: Folder for results.json, and for the features of both splits as .npz files; None writes nothing.

    Returns:
        The scores.

    Raises:
        ValueError: If weights, config or data are missing or wrong.
    """
    weights = load_classifier(source)
    config = settings_for(weights.config, config_source, overrides)
    in_channels = weights.config.model.backbone.in_channels
    datamodule = make_datamodule(config.data, in_channels=in_channels, seed=config.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Classifier.from_weights(weights, device=device).model
    known, asked = extract(model, datamodule, "train"), extract(model, datamodule, split)
    scores = FeatureScores(
        neighbours=_scored(neighbour_scores(known, asked), asked),
        probe=_scored(probe_scores(known, asked), asked),
        pairs=verify(asked),
    )
    if output is not None:
        save_features(output / "train_features.npz", known)
        save_features(output / f"{split}_features.npz", asked)
    write_scores(scores, output)
    return scores


def _scored(scores: Tensor, asked: Features) -> ClassificationScores:
    metric = ClassificationMetric(asked.class_names)
    metric.update(scores, asked.labels, torch.arange(len(scores)))
    return metric.compute()
