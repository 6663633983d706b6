"""Losses equal their definitions, and scores are probabilities."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from classification.losses import Criterion, SigmoidCrossEntropy, SoftmaxCrossEntropy


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


LABELS = torch.tensor([0, 1, 2, 3, 0, 1])
ONE_HOT = torch.eye(4, dtype=torch.float64)[LABELS]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_softmax_of_whole_labels_is_that_of_torch(logits: Tensor, smoothing: float) -> None:
    ours = SoftmaxCrossEntropy(smoothing)(logits, ONE_HOT)

    torch.testing.assert_close(ours, F.cross_entropy(logits, LABELS, label_smoothing=smoothing))


def test_softmax_is_linear_in_the_shares(logits: Tensor) -> None:
    loss, other = SoftmaxCrossEntropy(0.1), ONE_HOT.roll(1, 0)

    mixed = loss(logits, 0.3 * ONE_HOT + 0.7 * other)

    torch.testing.assert_close(mixed, 0.3 * loss(logits, ONE_HOT) + 0.7 * loss(logits, other))


def test_sigmoid_is_the_mean_over_images_and_classes(logits: Tensor) -> None:
    shares = ONE_HOT * 0.8 + 0.05

    ours = SigmoidCrossEntropy(0.2)(logits, ONE_HOT)

    by_hand = -(shares * F.logsigmoid(logits) + (1 - shares) * F.logsigmoid(-logits)).mean()
    torch.testing.assert_close(ours, by_hand)


def test_classes_of_mixed_images_can_count_as_wholly_there(logits: Tensor) -> None:
    mixed = 0.7 * ONE_HOT + 0.3 * ONE_HOT.roll(1, 0)

    both = SigmoidCrossEntropy(present_from=0.2)(logits, mixed)
    one = SigmoidCrossEntropy(present_from=0.5)(logits, mixed)

    present = ((ONE_HOT + ONE_HOT.roll(1, 0)) > 0).double()
    torch.testing.assert_close(both, SigmoidCrossEntropy()(logits, present))
    torch.testing.assert_close(one, SigmoidCrossEntropy()(logits, ONE_HOT))


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(0.1), SigmoidCrossEntropy(0.1)])
def test_losses_are_computed_in_float32_at_least(logits: Tensor, loss: Criterion) -> None:
    half = loss(logits.bfloat16(), ONE_HOT.float())

    assert half.dtype == torch.float32
    assert loss.scores(logits.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(half.double(), loss(logits, ONE_HOT), rtol=0.02, atol=0)


def test_scores_are_probabilities(logits: Tensor) -> None:
    torch.testing.assert_close(SoftmaxCrossEntropy().scores(logits), logits.softmax(1))
    torch.testing.assert_close(SigmoidCrossEntropy().scores(logits), logits.sigmoid())
