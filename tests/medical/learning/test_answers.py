"""Predictions come with the truth of their cases."""

import numpy as np

from medical.learning.answers import Answers
from medical.learning.run import MedicalRun
from medical.scans.read import read_volume
from medical.study.truth import read_truth


def test_each_case_is_read_with_its_prediction(finished: MedicalRun) -> None:
    answers = [*Answers(finished.out_of_fold, finished.study, plane=finished.preprocess.plane)]

    assert len(answers) == len(finished.study.cases)
    for case, (probabilities, truth) in zip(finished.study.cases, answers, strict=True):
        volume = read_volume(case.images)
        assert probabilities.dtype == np.float32
        assert probabilities.shape == (2, *truth.shape)
        np.testing.assert_array_equal(truth, read_truth(case, volume, finished.study.classes))
        np.testing.assert_array_equal(probabilities, finished.out_of_fold.load(case.alias))
