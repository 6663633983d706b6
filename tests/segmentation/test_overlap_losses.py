"""A class counts by how much of it is found, whatever its size."""

from functools import partial

import pytest
import torch
from torch import Tensor

from segmentation.labels import TASKS
from segmentation.overlap_losses import Dice, Tversky, each_image, whole_batch
from tests.segmentation.loss_contract import MakeLoss, check_loss, make_labels, make_logits

MULTICLASS, MULTILABEL = TASKS["multiclass"], TASKS["multilabel"]


@pytest.mark.parametrize(
    "make", [Dice, Tversky, partial(Dice, pool=each_image), partial(Tversky, pool=each_image)]
)
def test_it_is_a_loss(make: MakeLoss) -> None:
    check_loss(make)


def certain(labels: Tensor, num_classes: int = 2) -> Tensor:
    """Logits (B, K, H, W) of someone who is sure of these labels."""
    return MULTICLASS.masks(labels, num_classes) * 40.0 - 20


@pytest.mark.parametrize("pixels", [2, 16, 1000, 30_000])
@pytest.mark.parametrize("pool", [each_image, whole_batch])
def test_a_missed_class_costs_whatever_its_size(pixels: int, pool: object) -> None:
    labels = torch.zeros(1, 256, 256, dtype=torch.uint8)
    labels.view(-1)[:pixels] = 1

    loss = Dice(MULTICLASS, pool=pool)(certain(torch.zeros_like(labels)), labels)
    of_lesion = Dice(MULTICLASS, pool=pool, class_weights=[0, 1])

    assert loss > 0.3
    assert of_lesion(certain(torch.zeros_like(labels)), labels) > 0.6
    assert Dice(MULTICLASS, pool=pool)(certain(labels), labels) < 1e-3


@pytest.mark.parametrize("pool", [each_image, whole_batch])
def test_a_lesion_where_none_is_costs_as_much(pool: object) -> None:
    labels = torch.zeros(1, 64, 64, dtype=torch.uint8)
    alarm = labels.clone()
    alarm[0, :4, :4] = 1

    assert Dice(MULTICLASS, pool=pool, class_weights=[0, 1])(certain(alarm), labels) > 0.9
    lesion = certain(alarm)[:, 1:]
    assert Dice(MULTILABEL, pool=pool)(lesion, labels[:, None]) > 0.9


def test_dice_is_its_formula() -> None:
    logits, labels = make_logits(), make_labels("multilabel")
    valid = labels != 255
    found, true = logits.sigmoid() * valid, (labels == 1).double()

    for pool, axes in ((each_image, (2, 3)), (whole_batch, (0, 2, 3))):
        hits, sizes = (found * true).sum(axes), (found + true).sum(axes)
        expected = (1 - (2 * hits + 1) / (sizes + 1)).mean()
        torch.testing.assert_close(Dice(MULTILABEL, pool=pool)(logits, labels), expected)


def test_tversky_prefers_what_it_is_told_to() -> None:
    labels = torch.zeros(1, 32, 32, dtype=torch.uint8)
    labels[0, 8:24, 8:24] = 1
    grown, shrunk = torch.zeros_like(labels), torch.zeros_like(labels)
    grown[0, 7:25, 8:24] = 1
    shrunk[0, 9:23, 8:24] = 1
    careful = Tversky(MULTICLASS, false_positives=0.1, false_negatives=0.9, class_weights=[0, 1])

    assert careful(certain(grown), labels) < careful(certain(shrunk), labels) / 5


def test_areas_of_images_are_added_up_over_the_batch() -> None:
    """A small lesion that is missed costs little beside a large one that is found, unless each image counts."""
    labels = torch.zeros(2, 64, 64, dtype=torch.uint8)
    labels[0, :40, :40] = 1
    labels[1, :4, :4] = 1
    found = certain(torch.stack([labels[0], torch.zeros_like(labels[0])]))

    together, apart = (
        Dice(MULTICLASS, pool=pool, class_weights=[0, 1]) for pool in (whole_batch, each_image)
    )

    assert together(found, labels) < 0.01
    assert 0.4 < apart(found, labels) < 0.5
