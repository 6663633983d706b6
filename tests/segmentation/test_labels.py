"""Both tasks agree where one class is the other's label, and no pixel that is ignored is in anything."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumbar.data.pixel_classes import IGNORE
from segmentation.labels import TASKS, count_masks
from tests.segmentation.loss_contract import NUM_CLASSES, make_labels, make_logits

MULTICLASS, MULTILABEL = TASKS["multiclass"], TASKS["multilabel"]


@pytest.mark.parametrize("task", TASKS)
def test_decisions_are_the_labels_of_sure_logits(task: str) -> None:
    labels = make_labels(task).masked_fill(make_labels(task) == IGNORE, 0)
    logits = TASKS[task].masks(labels, NUM_CLASSES) * 2.0 - 1

    decided = TASKS[task].decide(logits.bfloat16())

    assert decided.dtype == torch.uint8
    assert torch.equal(decided, labels)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_probabilities_are_wide(task: str, dtype: torch.dtype) -> None:
    found = TASKS[task].probabilities(make_logits().to(dtype))

    assert found.dtype == torch.promote_types(dtype, torch.float32)
    assert ((found >= 0) & (found <= 1)).all()


def test_probabilities_of_one_label_are_those_of_two_classes() -> None:
    lesion = make_logits()[:, :1]
    both = torch.cat([torch.zeros_like(lesion), lesion], dim=1)

    expected = MULTICLASS.probabilities(both)[:, 1:]

    torch.testing.assert_close(MULTILABEL.probabilities(lesion), expected)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_ignored_pixels_are_in_no_region(task: str, dtype: torch.dtype) -> None:
    labels = make_labels(task).to(dtype)
    found, true, valid = TASKS[task].regions(make_logits(), labels)

    ignored = labels == IGNORE
    if task == "multiclass":
        assert torch.equal(true.sum(1), 1 - ignored.long())
        ignored = ignored[:, None].expand_as(valid)
    assert torch.equal(valid, ~ignored)
    assert not true[ignored].any()
    assert not found[ignored].any()
    assert found[~ignored].all()


@pytest.mark.parametrize("task", TASKS)
def test_decisions_weigh_what_their_class_does(task: str) -> None:
    labels, class_weights = make_labels(task), torch.tensor([1.0, 2.0, 4.0])

    weights = TASKS[task].weights(labels, class_weights)

    masks = TASKS[task].masks(labels, NUM_CLASSES) if task == "multiclass" else labels != IGNORE
    expected = (masks * class_weights[:, None, None]).sum(1 if task == "multiclass" else (), True)
    if task == "multilabel":
        expected = masks * class_weights[:, None, None]
    assert torch.equal(weights, expected)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 5))
def test_counts_of_classes_are_those_of_their_masks(
    seed: int, num_images: int, num_classes: int
) -> None:
    """The confusion matrix knows what comparing one class after the other finds."""
    generator = torch.Generator().manual_seed(seed)
    shape = (num_images, 7, 5)
    predicted = torch.randint(num_classes + 1, shape, generator=generator, dtype=torch.uint8)
    labels = torch.randint(num_classes, shape, generator=generator)
    ignored = torch.rand(shape, generator=generator) < 0.3
    labels[ignored] = IGNORE

    counts = MULTICLASS.count(predicted, labels, num_classes)

    for place in range(num_classes):
        found, true = (predicted == place) & ~ignored, labels == place
        assert torch.equal(counts[:, place], count_masks(found, true, ~ignored))
    as_masks = MULTICLASS.masks(labels, num_classes).to(torch.uint8)
    as_masks.masked_fill_(ignored[:, None], IGNORE)
    found = MULTICLASS.masks(predicted, num_classes).to(torch.uint8)
    assert torch.equal(MULTILABEL.count(found, as_masks, num_classes), counts)


def test_counts_of_masks_are_by_truth_and_prediction() -> None:
    predicted = torch.tensor([[True, True, True], [False, False, False]])
    true = torch.tensor([[True, False, False], [True, False, False]])
    valid = torch.tensor([[True, True, True], [True, True, False]])

    assert count_masks(predicted, true, valid).tolist() == [1, 2, 1, 1]


def test_labels_beyond_the_classes_are_a_mistake_of_ours() -> None:
    labels = torch.full((1, 2, 2), 3)

    with pytest.raises(AssertionError, match="labels go beyond 2"):
        MULTICLASS.count(labels, labels, 3)
