"""The folds of a fit one after the other, within the time there is; what an earlier process has done stays done."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path
from time import perf_counter

from lumbar.training.checkpoint import write_json
from lumbar.training.hardware import resolve_hardware
from medical.learning.begin import Begun
from medical.learning.budget import FEWEST_STEPS, Pace, Took, measure
from medical.learning.fold import Fold, train_fold
from medical.learning.lesion_sampler import drawn
from medical.learning.network import torch_network
from medical.learning.out_of_fold import predict_cases
from medical.learning.plan import Plan
from medical.learning.run import read_json
from medical.learning.store import CaseStore
from medical.study.cases import Case
from medical.study.facts import CaseFacts

_log = logging.getLogger(__name__)


class Course:
    """Trains each fold, and predicts the cases that it has not seen."""

    def __init__(self, begun: Begun, store: CaseStore, *, name: str) -> None:
        """Keeps what is to be trained.

        Args:
            begun: The fit.
            store: Its cases in working size.
            name: Of the run.
        """
        self._begun = begun
        self._name = name
        self._folds = [
            Fold(
                folder=begun.folder.fold(number),
                config=begun.config,
                resolved=begun.resolved,
                classes=begun.study.classes,
                store=store,
                held_out=begun.held_out(number),
            )
            for number in range(begun.config.folds)
        ]
        self._measured: Pace | None = None

    def run(self) -> None:
        """Does what is left to do.

        Raises:
            ValueError: Something is missing or wrong, or the disk is full.
            Interrupted: It was told to stop.
        """
        left = [number for number, fold in enumerate(self._folds) if not _took(fold).is_file()]
        if left:
            self._announce(left)
        for number in left:
            _log.info("\nfold %d of %d", number + 1, len(self._folds))
            self._run(number)

    def _run(self, number: int) -> None:
        fold, plan = self._folds[number], self._plan(number)
        is_new, began = not fold.folder.last.is_file(), perf_counter()
        if not fold.is_trained:
            plan.write(_planned(fold))
            train_fold(fold, plan, name=f"{self._name}-fold{number}")
        training = perf_counter() - began if is_new else plan.seconds
        length = plan.steps_per_round * fold.patches_per_step
        _log.info("%s", drawn(fold.sampler.sightings(plan.rounds, length)))
        began = perf_counter()
        all_of_them = predict_cases(
            self._cases(fold),
            self._begun.folder.out_of_fold,
            fold.resolved.preprocess,
            torch_network([fold.folder.weights], resolve_hardware(fold.config.trainer).kind),
            batch=fold.config.batch,
        )
        voxels = self._voxels(fold)
        # Nobody has timed what an earlier process did.
        predicting = perf_counter() - began if all_of_them else voxels * self._pace(number).voxel
        took = Took(plan.steps, plan.rounds, self._pace(number).round, training, predicting, voxels)
        write_json(_took(fold), asdict(took))

    def _plan(self, number: int) -> Plan:
        """The plan that an earlier process has begun with, or else one for the time that is left."""
        fold = self._folds[number]
        if _planned(fold).is_file():
            return Plan.read(_planned(fold))
        pace, minutes = self._pace(number), fold.config.minutes()
        if minutes is None:
            return pace.timed(_plan_of_epochs(fold))
        spent = sum(_read_took(done).seconds for done in self._folds[:number])
        share = (60 * minutes - spent) / (len(self._folds) - number)
        return pace.plan(share, self._voxels(fold))

    def _pace(self, number: int) -> Pace:
        """How long things take: as the fold before has shown, or else as is measured once."""
        before = [fold for fold in self._folds[:number] if _took(fold).is_file()]
        if before:
            return Pace.of(_read_took(before[-1]))
        if self._measured is None:
            by_size = sorted(
                zip(self._begun.facts, self._begun.study.cases, strict=True), key=_size
            )
            _, medium = by_size[len(by_size) // 2]
            fold = self._folds[number]
            # Of a training that is to be short, no more than a tenth is tried beforehand.
            steps = _plan_of_epochs(fold).steps // 10 if fold.config.epochs else None
            self._measured = measure(fold, medium, steps=steps)
        return self._measured

    def _announce(self, left: Sequence[int]) -> None:
        """Says beforehand how long it will take."""
        first = left[0]
        pace, plan = self._pace(first), self._plan(first)
        predicting = pace.voxel * sum(self._voxels(self._folds[number]) for number in left)
        folds = f"{len(left)} fold{'s' * (len(left) > 1)}"
        _log.info(
            "%s of %d steps, about %.2f s each, and %s of prediction: expect %s",
            folds,
            plan.steps,
            pace.step,
            _told(predicting),
            _told(plan.seconds * len(left) + predicting),
        )
        if plan.steps <= FEWEST_STEPS and self._begun.config.minutes() is not None:
            _log.warning(
                "the budget is too short to learn anything: %d steps are the fewest; set a longer one",
                FEWEST_STEPS,
            )

    def _cases(self, fold: Fold) -> list[Case]:
        return [self._begun.study.cases[index] for index in fold.held_out]

    def _voxels(self, fold: Fold) -> int:
        return sum(prod(self._begun.facts[index].shape) for index in fold.held_out)


def _plan_of_epochs(fold: Fold) -> Plan:
    epochs = fold.config.epochs
    assert epochs is not None
    return Plan.of_passes(
        epochs, slices=fold.sampler.num_slices, patches_per_step=fold.patches_per_step
    )


def _planned(fold: Fold) -> Path:
    return fold.folder.path / "plan.json"


def _took(fold: Fold) -> Path:
    """What is written when a fold is done."""
    return fold.folder.path / "took.json"


def _read_took(fold: Fold) -> Took:
    return Took(**read_json(_took(fold)))


def _size(row: tuple[CaseFacts, Case]) -> int:
    return prod(row[0].shape)


def _told(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
