"""The padded selection equals a plain loop over images and levels, and keeps its promises at the edges."""

import pytest
import torch
import torchvision.ops
from torch import Tensor

from detection.box_coder import BoxCoder
from detection.proposals import ProposalSelector
from lumbar.ops.boxes import clip, large_enough
from lumbar.ops.structures import Proposals
from tests.ops.strategies import random_boxes

CODER = BoxCoder(position=1.0, size=1.0)
IMAGE_SIZES = torch.tensor([[80, 100], [60, 50]])
COUNTS = (300, 90, 12)

Levels = tuple[list[Tensor], list[Tensor], list[Tensor]]


def selector_of(
    *, pre_nms: int = 40, post_nms: int = 30, min_size: float = 4.0
) -> ProposalSelector:
    return ProposalSelector(pre_nms=pre_nms, post_nms=post_nms, nms_iou=0.5, min_size=min_size)


def make_levels(dtype: torch.dtype = torch.float64) -> Levels:
    """Logits, deltas and anchors of three levels for two images."""
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(2, n, generator=generator, dtype=torch.float64) for n in COUNTS]
    deltas = [torch.randn(2, n, 4, generator=generator, dtype=torch.float64) / 3 for n in COUNTS]
    anchors = [random_boxes(n, seed=n) for n in COUNTS]
    return [x.to(dtype) for x in logits], [x.to(dtype) for x in deltas], anchors


def select(selector: ProposalSelector, levels: Levels) -> Proposals:
    return selector(*levels, sizes=IMAGE_SIZES, coder=CODER)


def by_loops(selector: ProposalSelector, levels: Levels, image: int) -> tuple[Tensor, Tensor]:
    """Boxes and scores of one image as one would write it down, without padding."""
    height, width = IMAGE_SIZES[image].tolist()
    boxes, scores = [], []
    for logits, deltas, anchors in zip(*levels, strict=True):
        best, index = logits[image].topk(min(selector.pre_nms, len(anchors)))
        decoded = CODER.decode(deltas[image, index], anchors[index])
        decoded = torchvision.ops.clip_boxes_to_image(decoded, (height, width))
        large = torchvision.ops.remove_small_boxes(decoded, selector.min_size)
        decoded, best = decoded[large], best[large]
        keep = torchvision.ops.nms(decoded, best, selector.nms_iou)
        boxes.append(decoded[keep])
        scores.append(best[keep])
    ranked, order = torch.cat(scores).sort(descending=True)
    return torch.cat(boxes)[order[: selector.post_nms]], ranked[: selector.post_nms]


@pytest.mark.parametrize(
    ("pre_nms", "post_nms"),
    [(40, 30), (5, 30), (1000, 30), (40, 500)],
    ids=["usual", "few before", "more than anchors before", "more than anchors after"],
)
def test_equals_loops(pre_nms: int, post_nms: int) -> None:
    levels, selector = make_levels(), selector_of(pre_nms=pre_nms, post_nms=post_nms)

    proposals = select(selector, levels)

    assert proposals.boxes.shape == (2, post_nms, 4)
    for image in range(2):
        boxes, scores = by_loops(selector, levels, image)
        count = len(scores)
        assert count > 5
        assert proposals.valid[image].tolist() == [row < count for row in range(post_nms)]
        torch.testing.assert_close(proposals.boxes[image, :count], boxes)
        torch.testing.assert_close(proposals.scores[image, :count], scores)


def test_padding_is_empty_and_sorts_last() -> None:
    proposals = select(selector_of(post_nms=500), make_levels())

    assert not proposals.valid.all(1).any()
    assert proposals.boxes[~proposals.valid].abs().max() == 0
    assert (proposals.scores[~proposals.valid] == -torch.inf).all()
    assert torch.equal(proposals.scores.sort(1, descending=True).values, proposals.scores)


def test_proposals_lie_inside_their_image_and_are_large_enough() -> None:
    proposals = select(selector_of(min_size=4.0), make_levels())

    torch.testing.assert_close(clip(proposals.boxes, IMAGE_SIZES), proposals.boxes)
    assert large_enough(proposals.boxes, 4.0)[proposals.valid].all()
    touching = (proposals.boxes[1, :, 2] == 50).any()
    assert touching, "nothing was clipped: the test would not see a missing clip"


def test_valid_proposals_have_an_area_by_default() -> None:
    logits, deltas, anchors = make_levels()
    far = [level + 500 for level in anchors]  # clipping leaves nothing of these

    proposals = select(selector_of(min_size=0.0), (logits, deltas, [*anchors[:2], far[2]]))

    sides = (proposals.boxes[..., 2:] - proposals.boxes[..., :2])[proposals.valid]
    assert len(sides) > 10
    assert (sides > 0).all()


def test_no_proposal_at_all_is_padding_only() -> None:
    proposals = select(selector_of(min_size=1000.0), make_levels())

    assert not proposals.valid.any()
    assert proposals.boxes.abs().max() == 0


def test_batch_equals_stacked_singles() -> None:
    logits, deltas, anchors = make_levels()
    selector = selector_of()

    together = select(selector, (logits, deltas, anchors))

    for image in range(2):
        row = slice(image, image + 1)
        alone = selector(
            [x[row] for x in logits],
            [x[row] for x in deltas],
            anchors,
            sizes=IMAGE_SIZES[row],
            coder=CODER,
        )
        assert all(torch.equal(a[row], b) for a, b in zip(together, alone, strict=True))


def test_proposals_carry_no_gradient() -> None:
    logits, deltas, anchors = make_levels()
    leaves = [x.requires_grad_() for x in (*logits, *deltas)]

    proposals = select(selector_of(), (logits, deltas, anchors))

    assert all(leaf.requires_grad for leaf in leaves)
    assert not proposals.boxes.requires_grad
    assert not proposals.scores.requires_grad


def test_narrow_predictions_give_boxes_in_float32() -> None:
    logits, deltas, anchors = make_levels(torch.bfloat16)
    single = [anchor.float() for anchor in anchors]

    proposals = select(selector_of(), (logits, deltas, single))

    assert proposals.boxes.dtype == proposals.scores.dtype == torch.float32
    assert (proposals.boxes != proposals.boxes.bfloat16().float()).any()
