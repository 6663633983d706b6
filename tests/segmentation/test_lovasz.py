"""The Lovász loss is the extension of the Jaccard loss as the paper defines it, set by set."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE
from segmentation.labels import TASKS
from segmentation.lovasz import Lovasz
from tests.segmentation.loss_contract import check_loss, make_labels, make_logits


def test_it_is_a_loss() -> None:
    check_loss(Lovasz)


def jaccard_loss(wrong: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Of a mask that is wrong in these pixels: equation 6."""
    union = np.count_nonzero(true | wrong)
    return np.count_nonzero(wrong) / union if union else 0.0


def extension(errors: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    """Definition 1: errors, largest first, times what each adds to the loss of those before it."""
    total, wrong, before = 0.0, np.zeros_like(true), 0.0
    for place in np.argsort(-errors, kind="stable"):
        wrong[place] = True
        after = jaccard_loss(wrong, true)
        total += errors[place] * (after - before)
        before = after
    return total


@pytest.mark.parametrize("task", TASKS)
def test_it_is_the_extension_of_each_class_over_the_batch(task: str) -> None:
    logits, labels = make_logits(), make_labels(task)
    found = logits.softmax(1) if task == "multiclass" else logits.sigmoid()
    expected = []
    for place in range(3):
        truth = (labels if task == "multiclass" else labels[:, place]).numpy()
        valid = truth != IGNORE
        true = truth[valid] == (place if task == "multiclass" else 1)
        expected.append(extension(np.abs(found[:, place].numpy()[valid] - true), true))

    actual = Lovasz(TASKS[task])(logits, labels)

    assert actual.item() == pytest.approx(np.mean(expected), rel=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_of_a_certain_mask_it_is_the_jaccard_loss(pixels: list[tuple[bool, bool]]) -> None:
    predicted, true = torch.tensor(pixels).T[:, None, None, None]
    logits = predicted.double() * 2000 - 1000

    actual = Lovasz(TASKS["multilabel"])(logits, true.to(torch.uint8))

    expected = jaccard_loss((predicted ^ true).flatten().numpy(), true.flatten().numpy())
    assert actual.item() == pytest.approx(expected, abs=1e-12)


def test_slopes_are_exact_among_many_pixels() -> None:
    """In float32 the losses of two sets that differ by one pixel of a million are hardly apart."""
    labels = torch.zeros(1, 1, 1000, 1000, dtype=torch.uint8)
    labels[..., :500, :] = 1
    logits = torch.where(labels == 1, -20.0, 20.0).requires_grad_()

    loss = Lovasz(TASKS["multilabel"])(logits * 0.1, labels)

    assert loss.item() == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), rel=1e-5)
