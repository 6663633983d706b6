"""What counts as the same answer of two classifiers."""

import pytest
import torch

from classification.export_check import TOLERANCE, judge
from classification.network import Classification


def answers(*scores: tuple[float, float], labels: tuple[int, ...]) -> Classification:
    return Classification(torch.tensor(scores), torch.tensor(labels))


CLEAR, TIE = (0.9, 0.1), (0.5, 0.5 - TOLERANCE)


@pytest.mark.parametrize(
    ("found", "verdict", "labels", "ties"),
    [
        (answers(CLEAR, TIE, labels=(0, 0)), "equal", "same", "0"),
        (answers(CLEAR, TIE, labels=(0, 1)), "equal", "same", "1"),
        (answers(CLEAR, TIE, labels=(1, 0)), "DIFFERENT", "1 differ", "0"),
        (answers((0.9 - 2 * TOLERANCE, 0.1), TIE, labels=(0, 0)), "DIFFERENT", "same", "0"),
    ],
)
def test_scores_are_close_and_labels_differ_in_ties_alone(
    found: Classification, verdict: str, labels: str, ties: str
) -> None:
    finding = judge(answers(CLEAR, TIE, labels=(0, 0)), found)

    assert (finding.verdict, finding.weight) == (verdict, 2)
    assert (finding.cells["labels"], finding.cells["ties"]) == (labels, ties)
