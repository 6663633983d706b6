"""The errors of a finished run, as it logged them and as it was scored in the end."""

import numpy as np

from classification.config import ClassificationConfig
from lumbar.tasks.study_runs import StudyRun

_COLUMN = "train/error"
_BINS = 30
_LAST = 0.1

Run = StudyRun[ClassificationConfig]


def training_errors(run: Run) -> list[tuple[float, float]]:
    """Reads the training error of a run, the share of wrong answers to images as they were shown.

    Returns:
        At most 30 points: the middle of some steps, and the mean error in percent over them.
    """
    steps, errors = run.logged(_COLUMN)
    bins = np.array_split(np.arange(len(steps)), min(_BINS, len(steps)))
    return [(float(steps[part].mean()), float(100 * errors[part].mean())) for part in bins]


def final_training_error(run: Run) -> float:
    """Percent of wrong answers in the last tenth of the steps."""
    _, errors = run.logged(_COLUMN)
    return float(100 * errors[-max(1, round(_LAST * len(errors))) :].mean())


def final_error(run: Run) -> float:
    """Percent of wrong answers on the test split, or on the validation split where there is none."""
    return float(100 * (1 - run.results()["summary"]["top1"]))
