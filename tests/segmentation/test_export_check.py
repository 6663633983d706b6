"""What counts as the same answer, and what does not."""

import math

import pytest
import torch

from segmentation.export_check import TOLERANCE, judge
from segmentation.export_graph import Answers
from segmentation.labels import TASKS


def answers(*pixels: tuple[float, ...], task: str = "multiclass") -> Answers:
    """One image of one row whose pixels have these probabilities of the classes."""
    probabilities = torch.tensor(pixels).T[None, :, None].contiguous()
    return Answers(TASKS[task].decide(probabilities.logit()), probabilities)


SURE = answers((0.7, 0.2, 0.1), (0.1, 0.8, 0.1))
TIE = answers((0.45, 0.45 + 1e-5, 0.1), (0.1, 0.8, 0.1))
OTHER_TIE = answers((0.45 + 1e-5, 0.45, 0.1), (0.1, 0.8, 0.1))


def test_an_answer_equals_itself() -> None:
    assert judge(SURE, SURE) == (
        1,
        {"labels seen": "2", "probabilities": "0.0e+00", "labels": "same", "ties": "0"},
        "equal",
    )


def test_in_a_tie_either_label_is_right() -> None:
    finding = judge(TIE, OTHER_TIE)

    assert finding.verdict == "equal"
    assert (finding.cells["labels"], finding.cells["ties"]) == ("same", "1")


@pytest.mark.parametrize(
    "found",
    [
        SURE._replace(labels=torch.tensor([[[0, 2]]], dtype=torch.uint8)),
        TIE._replace(labels=torch.tensor([[[2, 1]]], dtype=torch.uint8)),
        answers((0.7 - 3 * TOLERANCE, 0.2, 0.1), (0.1, 0.8, 0.1)),
        answers((math.nan, 0.2, 0.1), (0.1, 0.8, 0.1)),
    ],
    ids=["label", "label beside a tie", "probability", "nan"],
)
def test_anything_else_is_seen(found: Answers) -> None:
    expected = TIE if found.probabilities[0, 0, 0, 0] < 0.5 else SURE

    assert judge(expected, found).verdict == "DIFFERENT"


@pytest.mark.parametrize(("probability", "verdict"), [(0.5 + 5e-5, "equal"), (0.6, "DIFFERENT")])
def test_each_class_may_be_a_tie_of_its_own(probability: float, verdict: str) -> None:
    one = answers((0.9, probability), task="multilabel")
    other = one._replace(labels=torch.tensor([[[[1]], [[0]]]], dtype=torch.uint8))

    assert judge(one, other).verdict == verdict


def test_images_of_one_label_show_little() -> None:
    assert judge(answers((0.9, 0.1)), answers((0.9, 0.1))).weight == 0
