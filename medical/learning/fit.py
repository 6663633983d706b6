"""Cross-validation over patients: every case is predicted by a model that has seen none of its patient's."""

import logging
from pathlib import Path

from lumbar.training.checkpoint import write_json
from lumbar.training.run import plain_words
from medical.learning.answers import Answers
from medical.learning.begin import begin
from medical.learning.course import Course
from medical.learning.decision import fit_decision
from medical.learning.run import MedicalRun
from medical.learning.store import store_cases
from medical.learning.summary import summarise
from medical.study.config import MedicalConfig

_log = logging.getLogger(__name__)


def fit(
    config: MedicalConfig,
    *,
    name: str,
    output: Path | None = None,
    resume: str | None = None,
    resume_anyway: bool = False,
) -> MedicalRun:
    """Trains a fold after the other, predicts who was left out of it, and decides by these predictions.

    Args:
        config: The study, with absolute paths.
        name: Of the run, for its folder.
        output: The run folder; None takes the next free `runs/NAME-n`.
        resume: `auto` goes on with the fit of the run folder, None begins one.
        resume_anyway: Goes on also with other settings.

    Returns:
        The finished fit.

    Raises:
        ValueError: The study would spoil the training, something is missing or wrong, or the disk is full.
        Interrupted: It was told to stop; it can be resumed.
    """
    if resume not in {None, "auto"}:
        raise ValueError(f"--resume {resume}: each fold has a checkpoint of its own; say auto")
    with plain_words():
        begun = begin(config, name=name, output=output, resume=resume, anyway=resume_anyway)
        preprocess, study = begun.resolved.preprocess, begun.study
        store = store_cases(study.cases, preprocess, study.classes)
        Course(begun, store, name=name).run()
        folder = begun.folder
        fitted = fit_decision(Answers(folder.out_of_fold, study, plane=preprocess.plane))
        write_json(folder.decision, fitted.decision.to_dict())
    _log.info("\n%s\n", summarise(fitted, study.classes.names))
    _log.info("run       %s", folder.path)
    _log.info("cases     %s (predicted out of fold)", folder.out_of_fold.folder)
    _log.info("key       %s (says who is who: keep it to yourself)", folder.key)
    _log.info("next      medical.py report %s", folder.path)
    return MedicalRun.open(folder.path)
