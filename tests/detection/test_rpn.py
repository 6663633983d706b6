"""The head answers anchor by anchor, and its losses mean what they say."""

import math

import pytest
import torch
from torch import Tensor
from torchvision.models.detection.rpn import RPNHead as TorchvisionRPNHead
from torchvision.models.detection.rpn import concat_box_prediction_layers

from detection.matcher import Matches
from detection.rpn import RPN, RPNHead, RPNOutput
from lumbar.ops.structures import Targets
from tests.detection.parts import (
    CANVAS,
    CHANNELS,
    make_images,
    make_pyramid,
    make_targets,
    tiny_detector,
)


@pytest.fixture
def rpn() -> RPN:
    return tiny_detector().rpn.double()


@pytest.fixture
def output(rpn: RPN) -> RPNOutput:
    """Predictions for the pyramid of two images."""
    predictions: RPNOutput = rpn(make_pyramid(), CANVAS)
    return predictions


def matches_of(rpn: RPN, output: RPNOutput, targets: Targets) -> Matches:
    return rpn.matcher(torch.cat(output.anchors)[None], targets)


def replaced(output: RPNOutput, logits: Tensor, deltas: Tensor) -> RPNOutput:
    """The same anchors with the predictions (B, N) and (B, N, 4)."""
    counts = [len(level) for level in output.anchors]
    return RPNOutput(list(logits.split(counts, 1)), list(deltas.split(counts, 1)), output.anchors)


def perfect(rpn: RPN, output: RPNOutput, targets: Targets) -> RPNOutput:
    """Predictions that give every positive anchor its box and are sure of all."""
    matches, anchors = matches_of(rpn, output, targets), torch.cat(output.anchors)
    matched = matches.indices[..., None].expand(-1, -1, 4)
    deltas = rpn.coder.encode(targets.boxes.gather(1, matched), anchors)
    logits = torch.where(matches.positive, 40.0, -40.0).to(anchors.dtype)
    return replaced(output, logits, deltas.masked_fill(~matches.positive[..., None], 0))


def test_head_equals_torchvision_in_names_values_and_order() -> None:
    theirs = TorchvisionRPNHead(CHANNELS, 3, conv_depth=2).double()
    ours = RPNHead(CHANNELS, per_cell=3, convs=2).double()
    ours.load_state_dict(theirs.state_dict())
    features = list(make_pyramid().values())

    logits, deltas = concat_box_prediction_layers(*theirs(features))

    mine, mine_deltas = zip(*(ours(level) for level in features), strict=True)
    torch.testing.assert_close(torch.cat(mine, 1).flatten()[:, None], logits)
    torch.testing.assert_close(torch.cat(mine_deltas, 1).flatten(0, 1), deltas)


def test_head_starts_small_and_without_bias() -> None:
    head = RPNHead(64, per_cell=3)

    for name, parameter in head.named_parameters():
        if name.endswith("bias"):
            assert parameter.abs().max() == 0
        else:
            assert parameter.std().item() == pytest.approx(0.01, rel=0.25)


def test_every_anchor_has_a_logit_and_an_offset(output: RPNOutput) -> None:
    for logits, deltas, anchors in zip(*output, strict=True):
        assert logits.shape == (2, len(anchors))
        assert deltas.shape == (2, len(anchors), 4)


def test_perfect_predictions_cost_nothing(rpn: RPN, output: RPNOutput) -> None:
    targets = make_targets(3, 5, dtype=torch.float64)

    losses = rpn.losses(perfect(rpn, output, targets), targets)

    assert list(losses) == ["rpn/objectness", "rpn/box"]
    assert max(losses.values()).item() < 1e-12


@pytest.mark.parametrize("batch", [32, 4000], ids=["enough anchors", "too few anchors"])
def test_losses_are_divided_by_all_sampled_anchors(batch: int) -> None:
    rpn, targets = (
        tiny_detector(rpn={"batch": batch}).rpn.double(),
        make_targets(3, 5, dtype=torch.float64),
    )
    output = rpn(make_pyramid(), CANVAS)

    logits, deltas, _ = perfect(rpn, output, targets)
    shifted = torch.cat(deltas, 1) + torch.tensor([1.0, 0.0, 0.0, -2.0], dtype=torch.float64)
    losses = rpn.losses(replaced(output, torch.cat(logits, 1) * 0, shifted), targets)

    matches = matches_of(rpn, output, targets)
    samples = rpn.sampler(matches.positive, matches.negative, targets.seeds)
    assert samples.valid.all() == (batch == 32)
    assert losses["rpn/objectness"].item() == pytest.approx(math.log(2))
    share = int(samples.positive.sum()) / int(samples.valid.sum())
    assert losses["rpn/box"].item() == pytest.approx(3 * share)


@pytest.mark.parametrize(("divisor", "share"), [("sampled", 1.0), ("batch", 0.75)])
def test_missing_anchors_count_only_where_the_divisor_is_the_batch(
    divisor: str, share: float
) -> None:
    """Of 2048 anchors that are to be sampled there are 1536, all negative, with a loss of log 2 each."""
    rpn = tiny_detector(rpn={"batch": 2048, "loss_divisor": divisor}).rpn.double()
    output = rpn(make_pyramid(), CANVAS)
    logits, deltas = torch.cat(output.logits, 1), torch.cat(output.deltas, 1)

    losses = rpn.losses(replaced(output, logits * 0, deltas), make_targets(0, 0))

    assert logits.shape[1] == 1536
    assert losses["rpn/objectness"].item() == pytest.approx(math.log(2) * share)


def test_batch_loss_is_the_mean_of_the_images(rpn: RPN, output: RPNOutput) -> None:
    targets = make_targets(3, 5, dtype=torch.float64)

    together = rpn.losses(output, targets)

    logits, deltas = torch.cat(output.logits, 1), torch.cat(output.deltas, 1)
    alone = [
        rpn.losses(
            replaced(output, logits[row], deltas[row]), Targets(*(field[row] for field in targets))
        )
        for row in (slice(0, 1), slice(1, 2))
    ]
    for name, loss in together.items():
        torch.testing.assert_close(loss, (alone[0][name] + alone[1][name]) / 2)


def test_gradient_reaches_the_whole_head_and_every_level() -> None:
    rpn = tiny_detector(rpn={"batch": 4000}).rpn.double()
    pyramid = {name: level.requires_grad_() for name, level in make_pyramid().items()}

    losses = rpn.losses(rpn(pyramid, CANVAS), make_targets(3, 5))
    sum(losses.values(), torch.zeros(())).backward()

    for name, tensor in (*rpn.named_parameters(), *pyramid.items()):
        assert tensor.grad is not None, name
        assert tensor.grad.abs().max() > 0, name


def test_without_objects_losses_are_finite_and_keep_their_gradient_paths(rpn: RPN) -> None:
    losses = rpn.losses(rpn(make_pyramid(), CANVAS), make_targets(0, 0))
    sum(losses.values(), torch.zeros(())).backward()

    assert losses["rpn/objectness"] > 0
    assert losses["rpn/box"] == 0
    assert rpn.head.cls_logits.weight.grad is not None
    assert rpn.head.cls_logits.weight.grad.abs().max() > 0
    assert rpn.head.bbox_pred.weight.grad is not None
    assert rpn.head.bbox_pred.weight.grad.abs().max() == 0


def test_targets_in_float32_leave_the_losses_in_float64(rpn: RPN, output: RPNOutput) -> None:
    losses = rpn.losses(output, make_targets(3, 5, dtype=torch.float32))

    assert {loss.dtype for loss in losses.values()} == {torch.float64}


def test_training_and_prediction_propose_with_their_own_numbers(
    rpn: RPN, output: RPNOutput
) -> None:
    images = make_images()

    for proposals, selector in (
        (rpn.propose(output, images), rpn.test_selector),
        (rpn.propose_for_training(output, images), rpn.train_selector),
    ):
        expected = selector(*output, sizes=images.sizes, coder=rpn.coder)
        assert proposals.boxes.shape[1] == selector.post_nms
        assert all(torch.equal(a, b) for a, b in zip(proposals, expected, strict=True))
    assert rpn.test_selector.post_nms != rpn.train_selector.post_nms
