"""What a fold is judged by does not depend on its own cases."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from medical.learning.run import MedicalRun
from medical.report.decisions import cross_fit
from tests.medical.report.test_held_out import copied


def test_each_fold_has_a_decision_from_the_others(nuclei: MedicalRun) -> None:
    decisions = cross_fit(nuclei)

    assert decisions.crossed
    assert len(decisions.by_fold) == len(nuclei.splits)
    assert all(own.temperature > 1 for own in decisions.by_fold), "they were made too sure"


def test_its_own_cases_change_nothing(nuclei: MedicalRun, tmp_path: Path) -> None:
    run = copied(nuclei, tmp_path / "run")
    for alias in run.splits[1]:
        shape = run.out_of_fold.load(alias).shape
        noise = np.random.default_rng(0).random(shape, dtype=np.float32)
        run.out_of_fold.save(alias, noise / noise.sum(0))

    before, after = cross_fit(nuclei).by_fold, cross_fit(run).by_fold

    assert after[1] == before[1]
    assert after[0] != before[0]
    assert after[2] != before[2]


def test_with_a_single_fold_it_is_the_decision_of_the_run(nuclei: MedicalRun) -> None:
    everything = tuple(alias for fold in nuclei.splits for alias in fold)

    decisions = cross_fit(replace(nuclei, splits=(everything, ())))

    assert not decisions.crossed
    assert decisions.by_fold == (nuclei.decision,) * 2
