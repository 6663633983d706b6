"""Class weights are checked, losses add up, and two processes learn as one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.boundary_loss import Boundary
from segmentation.labels import TASKS, Task
from segmentation.losses import Loss, LossSum
from segmentation.lovasz import Lovasz
from segmentation.overlap_losses import Dice, Tversky
from segmentation.pixel_losses import CrossEntropy, Focal, OhemCrossEntropy
from tests.processes import on_ranks
from tests.segmentation.loss_contract import check_ignored_pixels, make_labels, make_logits
from tests.segmentation.loss_ranks import LOSSES, gradients, step_as_rank

TASK = TASKS["multiclass"]


@pytest.mark.parametrize("weights", [[1, -1, 1], [0, 0, 0]])
def test_senseless_class_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="none may be negative, and one must be positive"):
        CrossEntropy(TASK, class_weights=weights)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 2.0]])
def test_class_weights_are_one_for_each_class(weights: list[float]) -> None:
    loss = Dice(TASK, class_weights=weights)

    with pytest.raises(ValueError, match=f"there are {len(weights)} class_weights for 3 classes"):
        loss(make_logits(), make_labels("multiclass"))


def test_class_weights_move_with_the_model_and_stay_out_of_its_weights() -> None:
    loss = CrossEntropy(TASK, class_weights=[1, 2, 3])

    assert loss.state_dict() == {}
    assert loss.to("meta").class_weights(make_logits()).device.type == "meta"


@settings(max_examples=60)
@given(
    st.sampled_from([Boundary, CrossEntropy, Dice, Focal, Lovasz, OhemCrossEntropy, Tversky]),
    st.sampled_from([*TASKS]),
    st.integers(0, 10**6),
    st.sampled_from([0.02, 0.5, 0.9]),
)
def test_ignored_pixels_change_nothing(
    kind: Callable[[Task], Loss], task: str, seed: int, share: float
) -> None:
    check_ignored_pixels(kind(TASKS[task]), task, seed=seed, share=share)


def test_a_sum_weighs_its_terms() -> None:
    entropy, dice = CrossEntropy(TASK), Dice(TASK)
    logits, labels = make_logits(), make_labels("multiclass")

    total = LossSum([(0.5, entropy), (3.0, dice)])(logits, labels)

    torch.testing.assert_close(total, 0.5 * entropy(logits, labels) + 3 * dice(logits, labels))


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    """What data parallel training averages over ranks is the gradient of the joint batch."""
    on_ranks(step_as_rank, tmp_path)
    shares = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]

    for name, expected in gradients(slice(None)).items():
        joint = torch.cat([share[name] for share in shares]) / 2
        torch.testing.assert_close(joint, expected, msg=name)
        assert expected[0].any(), name
        assert expected[1].any(), name
    assert LOSSES.keys() == shares[0].keys()
