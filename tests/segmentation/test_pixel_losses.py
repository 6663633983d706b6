"""Cross-entropy and focal loss are torch's, and hard pixels are those that a loop would choose."""

import math

import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from lumbar.data.pixel_classes import IGNORE
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy, Focal, OhemCrossEntropy
from tests.segmentation.loss_contract import MakeLoss, check_loss, make_labels, make_logits

MULTICLASS, MULTILABEL = TASKS["multiclass"], TASKS["multilabel"]
WEIGHTS = [1.0, 0.5, 2.0]


def hard(*args: object, **kwargs: object) -> OhemCrossEntropy:
    """With fewer pixels than there are."""
    return OhemCrossEntropy(*args, **kwargs, confidence=0.3, min_kept=11)


@pytest.mark.parametrize("make", [CrossEntropy, Focal, hard])
def test_it_is_a_loss(make: MakeLoss) -> None:
    check_loss(make)


@pytest.mark.parametrize(
    ("weights", "smoothing"), [(None, 0.0), (WEIGHTS, 0.0), (None, 0.1), ([1, 1, 1], 0.3)]
)
def test_cross_entropy_is_torchs(weights: list[float] | None, smoothing: float) -> None:
    logits, labels = make_logits(), make_labels("multiclass")
    loss = CrossEntropy(MULTICLASS, class_weights=weights, label_smoothing=smoothing)

    expected = F.cross_entropy(
        logits,
        labels.long(),
        weight=None if weights is None else logits.new_tensor(weights),
        ignore_index=IGNORE,
        label_smoothing=smoothing,
    )

    torch.testing.assert_close(loss(logits, labels), expected)


def test_binary_cross_entropy_is_torchs() -> None:
    logits, labels = make_logits(), make_labels("multilabel")
    valid = labels != IGNORE

    actual = CrossEntropy(MULTILABEL)(logits, labels)

    expected = F.binary_cross_entropy_with_logits(logits[valid], labels[valid].double())
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_label_is_two_classes(smoothing: float) -> None:
    """A lesion and its background, or a lesion that is there or not: the same cross-entropy and the same focus."""
    lesion, labels = make_logits()[:, :1], make_labels("multilabel")[:, 1]
    both = torch.cat([torch.zeros_like(lesion), lesion], dim=1)

    pairs = [
        (
            CrossEntropy(MULTICLASS, label_smoothing=smoothing),
            CrossEntropy(MULTILABEL, label_smoothing=smoothing),
        ),
        (Focal(MULTICLASS), Focal(MULTILABEL)),
        (hard(MULTICLASS), hard(MULTILABEL)),
    ]
    for of_two, of_one in pairs:
        torch.testing.assert_close(of_two(both, labels), of_one(lesion, labels[:, None]))


def test_focal_is_torchvisions() -> None:
    logits, labels = make_logits(), make_labels("multilabel")
    valid = labels != IGNORE

    actual = Focal(MULTILABEL, gamma=1.5)(logits, labels)

    expected = sigmoid_focal_loss(
        logits[valid], labels[valid].double(), alpha=-1, gamma=1.5, reduction="mean"
    )
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_little_focus_has_a_gradient_for_certain_pixels(gamma: float) -> None:
    logits, labels = make_logits() * 100, make_labels("multiclass")
    logits.requires_grad_()

    loss = Focal(MULTICLASS, gamma=gamma)(logits, labels)

    assert torch.autograd.grad(loss, logits)[0].isfinite().all()
    if gamma == 0:
        torch.testing.assert_close(loss, CrossEntropy(MULTICLASS)(logits, labels))


@pytest.mark.parametrize("confidence", [0.01, 0.3, 0.999])
@pytest.mark.parametrize("min_kept", [1, 30, 10**6])
def test_hard_pixels_are_those_below_the_confidence_or_the_hardest(
    confidence: float, min_kept: int
) -> None:
    logits, labels = make_logits(), make_labels("multiclass")
    kept = []
    for image, truth in zip(logits, labels, strict=True):
        valid = truth != IGNORE
        each = F.cross_entropy(image[:, valid].T, truth[valid].long(), reduction="none")
        each = each.sort(descending=True).values
        kept.append(each[: max(min_kept, int((each >= -math.log(confidence)).sum()))])

    loss = OhemCrossEntropy(MULTICLASS, confidence=confidence, min_kept=min_kept)

    torch.testing.assert_close(loss(logits, labels), torch.cat(kept).mean())
