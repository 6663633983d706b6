"""Scores of a trained model on a split, and where they are written."""

from pathlib import Path

from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_only

from lumbar.tasks.module import S, Scores, TaskModule
from lumbar.training.checkpoint import write_json
from lumbar.training.config import TrainerConfig
from lumbar.training.run import EvalSplit, validate


def score_split(
    module: TaskModule[S],
    datamodule: LightningDataModule,
    trainer: TrainerConfig,
    *,
    split: EvalSplit,
    output: Path | None,
) -> S:
    """Scores a model.

    Args:
        module: Has a metric for the split.
        datamodule: Has a loader for it.
        trainer: What it runs on.
        split: `val` or `test`.
        output: Folder for results.json; None writes nothing.

    Returns:
        The scores, the same on every rank.
    """
    validate(module, datamodule, trainer, split=split)
    write_scores(module.scores[split], output)
    return module.scores[split]


@rank_zero_only
def write_scores(scores: Scores, output: Path | None) -> None:
    """Writes scores as `results.json` into a folder, if there is one."""
    if output is not None:
        write_json(output / "results.json", scores.to_dict())
