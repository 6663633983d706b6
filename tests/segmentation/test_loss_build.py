"""Settings become the losses that they name."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from segmentation.boundary_loss import Boundary
from segmentation.labels import TASKS
from segmentation.loss_build import asks_data, build_loss
from segmentation.loss_config import DEFAULT_LOSSES, Losses
from segmentation.losses import Loss
from segmentation.lovasz import Lovasz
from segmentation.overlap_losses import Dice, Tversky, each_image
from segmentation.pixel_losses import CrossEntropy, Focal, OhemCrossEntropy
from tests.segmentation.loss_contract import make_labels, make_logits

TASK = TASKS["multiclass"]


def losses(*items: dict[str, Any]) -> Losses:
    """Checked as those of a file are."""
    return TypeAdapter[Losses](Losses).validate_python(items)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {"name": "cross_entropy", "label_smoothing": 0.1},
            CrossEntropy(TASK, label_smoothing=0.1),
        ),
        (
            {"name": "ohem", "confidence": 0.2, "min_kept": 5},
            OhemCrossEntropy(TASK, confidence=0.2, min_kept=5),
        ),
        ({"name": "focal", "gamma": 1.0}, Focal(TASK, gamma=1)),
        ({"name": "dice", "over": "image"}, Dice(TASK, pool=each_image)),
        ({"name": "dice"}, Dice(TASK)),
        (
            {"name": "tversky", "false_positives": 0.9, "false_negatives": 0.2, "over": "image"},
            Tversky(TASK, false_positives=0.9, false_negatives=0.2, pool=each_image),
        ),
        ({"name": "lovasz"}, Lovasz(TASK)),
        ({"name": "boundary", "reach": 3}, Boundary(TASK, reach=3)),
    ],
)
def test_every_setting_arrives(item: dict[str, Any], expected: Loss) -> None:
    logits, labels = make_logits(), make_labels("multiclass")

    built = build_loss(losses(item | {"weight": 0.5}), TASK)

    assert type(built.losses[0]) is type(expected)
    torch.testing.assert_close(built(logits, labels), 0.5 * expected(logits, labels))


@pytest.mark.parametrize(
    "name", ["cross_entropy", "ohem", "focal", "dice", "tversky", "lovasz", "boundary"]
)
def test_defaults_are_those_of_the_losses(name: str) -> None:
    logits, labels = make_logits(), make_labels("multiclass")
    built = build_loss(losses({"name": name}), TASK)

    torch.testing.assert_close(
        built(logits, labels), type(built.losses[0])(TASK)(logits, labels), rtol=0, atol=0
    )


def test_class_weights_come_from_the_config_or_the_data() -> None:
    logits, labels = make_logits(), make_labels("multiclass")
    config = losses(
        {"name": "cross_entropy", "class_weights": "data"},
        {"name": "dice", "class_weights": (0.0, 1.0, 1.0)},
        {"name": "lovasz"},
    )

    built = build_loss(config, TASK, [1, 2, 3])

    expected = [
        CrossEntropy(TASK, class_weights=[1, 2, 3]),
        Dice(TASK, class_weights=[0, 1, 1]),
        Lovasz(TASK),
    ]
    total = torch.stack([loss(logits, labels) for loss in expected]).sum()
    torch.testing.assert_close(built(logits, labels), total)


def test_a_config_says_whether_it_asks_for_the_data() -> None:
    assert asks_data(losses({"name": "dice"}, {"name": "focal", "class_weights": "data"}))
    assert not asks_data(losses({"name": "dice", "class_weights": (1.0, 2.0)}))
    assert not asks_data(DEFAULT_LOSSES)


def test_class_weights_that_nobody_computed_are_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="class weights that dice asks"):
        build_loss(losses({"name": "dice", "class_weights": "data"}), TASK)
