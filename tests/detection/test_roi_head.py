"""What the second stage learns from, and what its losses mean."""

import math

import pytest
import torch

from detection.roi_head import RoIHeads, RoIOutput, RoISamples
from lumbar.ops.boxes import pairwise_iou
from lumbar.ops.losses import smooth_l1
from lumbar.ops.structures import Proposals
from tests.detection.parts import (
    NUM_CLASSES,
    make_images,
    make_proposals,
    make_pyramid,
    make_targets,
    tiny_detector,
)

BACKGROUND = NUM_CLASSES
BATCH = 16


@pytest.fixture
def heads() -> RoIHeads:
    return tiny_detector().roi_heads.double()


@pytest.fixture
def samples(heads: RoIHeads) -> RoISamples:
    """Of two images with three and five objects."""
    return heads.sample(make_proposals(2, 60), make_targets(3, 5, dtype=torch.float64))


def perfect(heads: RoIHeads, samples: RoISamples) -> RoIOutput:
    """Predictions that are sure of each label and give each positive region its box, for its class alone."""
    logits = torch.nn.functional.one_hot(samples.labels, NUM_CLASSES + 1).double() * 80
    deltas = torch.full((*samples.labels.shape, NUM_CLASSES, 4), 99.0, dtype=torch.float64)
    own = samples.labels.clamp(max=NUM_CLASSES - 1)[..., None, None].expand(-1, -1, 1, 4)
    wanted = heads.coder.encode(samples.truth, samples.boxes)
    return RoIOutput(logits, deltas.scatter(2, own, wanted[:, :, None]))


def test_samples_are_labelled_by_their_overlap(samples: RoISamples) -> None:
    targets = make_targets(3, 5, dtype=torch.float64)

    for image in range(2):
        truth = targets.boxes[image][targets.valid[image]]
        overlap, index = pairwise_iou(samples.boxes[image], truth).max(1)
        positive = overlap >= 0.5
        assert torch.equal(samples.positive[image], positive)
        labels = torch.where(positive, targets.labels[image, index], BACKGROUND)
        assert torch.equal(samples.labels[image], labels)
        assert torch.equal(samples.truth[image, positive], truth[index][positive])


def test_samples_are_of_fixed_size_and_a_quarter_positive(samples: RoISamples) -> None:
    assert samples.boxes.shape == (2, BATCH, 4)
    assert samples.valid.all()
    assert 0 < samples.positive.sum(1).max() <= BATCH // 4


def test_ground_truth_itself_is_offered(heads: RoIHeads) -> None:
    nothing = make_proposals(2, 10, invalid=10)
    targets = make_targets(3, 2, dtype=torch.float64)

    samples = heads.sample(nothing, targets)

    assert samples.valid.sum(1).tolist() == [3, 2]
    for image, count in enumerate((3, 2)):
        chosen = samples.boxes[image, :count]
        assert torch.equal(samples.truth[image, :count], chosen)
        assert chosen.sort(0).values.equal(targets.boxes[image, :count].sort(0).values)


def test_padding_is_never_chosen(heads: RoIHeads) -> None:
    proposals, targets = make_proposals(2, 12, invalid=6), make_targets(0, 1)

    samples = heads.sample(proposals, targets)

    # The padding has no extent; every real box has sides of at least a pixel.
    sides = samples.boxes[..., 2:] - samples.boxes[..., :2]
    assert samples.valid.sum(1).tolist() == [6, 7]
    assert sides[samples.valid].min() >= 1


def test_padding_that_looks_like_an_object_is_never_chosen(heads: RoIHeads) -> None:
    targets = make_targets(3, 2, dtype=torch.float64)
    nothing = torch.zeros_like(targets.valid)

    samples = heads.sample(Proposals(targets.boxes, nothing.double(), nothing), targets)

    assert samples.valid.sum(1).tolist() == [3, 2]


def test_forward_of_a_batch_equals_stacked_singles(heads: RoIHeads) -> None:
    features, boxes = make_pyramid(), make_proposals(2, 9).boxes

    together = heads(features, boxes)

    assert together.logits.shape == (2, 9, NUM_CLASSES + 1)
    assert together.deltas.shape == (2, 9, NUM_CLASSES, 4)
    for i in range(2):
        row = slice(i, i + 1)
        alone = heads({name: level[row] for name, level in features.items()}, boxes[row])
        for one, other in zip(together, alone, strict=True):
            torch.testing.assert_close(one[row], other)


def test_perfect_predictions_cost_nothing(heads: RoIHeads, samples: RoISamples) -> None:
    losses = heads.losses(perfect(heads, samples), samples)

    assert list(losses) == ["roi/class", "roi/box"]
    assert max(losses.values()).item() < 1e-12


def test_losses_are_divided_by_all_sampled_regions(heads: RoIHeads, samples: RoISamples) -> None:
    _, deltas = perfect(heads, samples)
    undecided = torch.zeros(2, BATCH, NUM_CLASSES + 1, dtype=torch.float64)

    losses = heads.losses(RoIOutput(undecided, deltas + 0.5), samples)

    positive = int(samples.positive.sum())
    assert losses["roi/class"].item() == pytest.approx(math.log(NUM_CLASSES + 1))
    assert losses["roi/box"].item() == pytest.approx(4 * 0.5 * positive / (2 * BATCH))


def test_own_losses_take_the_place_of_the_usual(samples: RoISamples) -> None:
    heads = tiny_detector().roi_heads.double()
    output = heads(make_pyramid(), samples.boxes)
    one = heads.losses(output, samples)

    heads.box_loss = lambda *given: 2.5 * smooth_l1(*given)
    other = heads.losses(output, samples)

    torch.testing.assert_close(other["roi/box"], one["roi/box"] * 2.5)
    assert torch.equal(other["roi/class"], one["roi/class"])


def test_invalid_samples_have_no_part_in_the_losses(heads: RoIHeads) -> None:
    samples = heads.sample(make_proposals(2, 10, invalid=5), make_targets(1, 2))
    output = heads(make_pyramid(), samples.boxes)
    changed = RoIOutput(
        torch.where(samples.valid[..., None], output.logits, 1e3),
        torch.where(samples.valid[..., None, None], output.deltas, 1e3),
    )

    assert not samples.valid.all()
    for one, other in zip(
        heads.losses(output, samples).values(), heads.losses(changed, samples).values(), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_without_objects_all_is_background_and_losses_keep_their_gradient_paths(
    heads: RoIHeads,
) -> None:
    samples = heads.sample(make_proposals(2, 30), make_targets(0, 0))

    losses = heads.losses(heads(make_pyramid(), samples.boxes), samples)
    sum(losses.values(), torch.zeros(())).backward()

    assert (samples.labels == BACKGROUND).all()
    assert losses["roi/class"] > 0
    assert losses["roi/box"] == 0
    for name, parameter in heads.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert heads.box_predictor.cls_score.weight.grad is not None
    assert heads.box_predictor.cls_score.weight.grad.abs().max() > 0


def test_without_proposals_and_objects_losses_are_zero(heads: RoIHeads) -> None:
    samples = heads.sample(make_proposals(2, 30, invalid=30), make_targets(0, 0))

    losses = heads.losses(heads(make_pyramid(), samples.boxes), samples)

    assert not samples.valid.any()
    assert [loss.item() for loss in losses.values()] == [0.0, 0.0]


def test_detections_come_from_the_softmax_without_the_background(heads: RoIHeads) -> None:
    proposals, images = make_proposals(2, 30), make_images()
    output = heads(make_pyramid(), proposals.boxes)

    detections = heads.detect(output, proposals, images)

    scores = output.logits.softmax(-1)[..., :NUM_CLASSES]
    expected = heads.postprocess(scores, output.deltas, proposals, images.sizes, heads.coder)
    assert detections.valid.any()
    assert all(torch.equal(a, b) for a, b in zip(detections, expected, strict=True))


def test_narrow_logits_give_scores_in_float32(heads: RoIHeads) -> None:
    proposals = make_proposals(2, 30)
    narrow = Proposals(proposals.boxes.float(), proposals.scores.float(), proposals.valid)
    output = heads(make_pyramid(), proposals.boxes)

    detections = heads.detect(
        RoIOutput(output.logits.bfloat16(), output.deltas.bfloat16()), narrow, make_images()
    )

    assert detections.boxes.dtype == detections.scores.dtype == torch.float32
    assert (detections.scores != detections.scores.bfloat16().float()).any()
