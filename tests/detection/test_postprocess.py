"""Detections equal torchvision's, padded; what is dropped is dropped for the stated reason."""

import pytest
import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads as TorchvisionRoIHeads

from detection.box_coder import BoxCoder
from detection.postprocess import Postprocess, rescale
from lumbar.ops.boxes import clip, large_enough
from lumbar.ops.structures import Detections, Images, Proposals
from tests.detection.parts import make_images, make_proposals

CODER = BoxCoder(position=10.0, size=5.0)
IMAGE_SIZES = torch.tensor([[45, 48], [30, 40]])
REGIONS, NUM_CLASSES = 40, 3


def postprocess_of(
    *, score: float = 0.2, candidates: int = 200, detections: int = 25, min_size: float = 1e-2
) -> Postprocess:
    return Postprocess(
        score=score, nms_iou=0.4, candidates=candidates, detections=detections, min_size=min_size
    )


def make_predictions() -> tuple[Tensor, Tensor]:
    """Logits (2, R, K + 1), the background last, and deltas (2, R, K, 4) in float64."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, REGIONS, NUM_CLASSES)
    logits = torch.randn(2, REGIONS, NUM_CLASSES + 1, generator=generator, dtype=torch.float64)
    return logits * 2, torch.randn(*shape, 4, generator=generator, dtype=torch.float64)


def detect(part: Postprocess, *, invalid: int = 0) -> Detections:
    """Detections for the predictions, with the last `invalid` proposals as padding."""
    logits, deltas = make_predictions()
    scores = logits.softmax(-1)[..., :-1]
    valid = make_proposals(2, REGIONS, invalid=invalid).valid
    proposals = make_proposals(2, REGIONS)._replace(valid=valid)
    return part(scores, deltas, proposals, IMAGE_SIZES, CODER)


def by_torchvision(part: Postprocess, *, invalid: int = 0) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Boxes, scores and labels of each image by torchvision's loop over images and classes."""
    logits, deltas = (x[:, : REGIONS - invalid].flatten(0, 1) for x in make_predictions())
    boxes = make_proposals(2, REGIONS).boxes[:, : REGIONS - invalid]
    theirs = TorchvisionRoIHeads(
        *(None,) * 3, 0.5, 0.5, 512, 0.25, None, part.score, part.nms_iou, part.detections
    )
    results = theirs.postprocess_detections(
        logits.roll(1, -1),
        torch.cat([deltas[:, :1], deltas], 1).flatten(1),
        list(boxes),
        [tuple(size) for size in IMAGE_SIZES.tolist()],
    )
    return [(box, score, label - 1) for box, score, label in zip(*results, strict=True)]


@pytest.mark.parametrize("detections", [5, 25, 300])
@pytest.mark.parametrize("invalid", [0, 15])
def test_equals_torchvision(detections: int, invalid: int) -> None:
    part = postprocess_of(detections=detections)

    actual = detect(part, invalid=invalid)

    assert actual.boxes.shape == (2, detections, 4)
    for image, (boxes, scores, labels) in enumerate(by_torchvision(part, invalid=invalid)):
        ours = actual.image(image)
        assert len(scores) >= 5
        torch.testing.assert_close(ours.boxes, boxes)
        torch.testing.assert_close(ours.scores, scores)
        assert torch.equal(ours.labels, labels)


def test_padding_comes_last_and_is_marked() -> None:
    detections = detect(postprocess_of(detections=300))
    padding = ~detections.valid

    assert padding.any(1).all()
    assert torch.equal(detections.valid.sort(1, descending=True).values, detections.valid)
    assert detections.boxes[padding].abs().max() == 0
    assert detections.scores[padding].abs().max() == 0
    assert (detections.labels[padding] == -1).all()


def test_detections_are_sorted_above_the_threshold_inside_and_large_enough() -> None:
    detections = detect(postprocess_of(score=0.3, min_size=5.0))

    assert torch.equal(detections.scores.sort(1, descending=True).values, detections.scores)
    assert detections.scores[detections.valid].min() > 0.3
    torch.testing.assert_close(clip(detections.boxes, IMAGE_SIZES), detections.boxes)
    assert large_enough(detections.boxes, 5.0)[detections.valid].all()
    assert detections.valid.sum() < detect(postprocess_of(score=0.3)).valid.sum()


def test_nothing_above_the_threshold_is_padding_only() -> None:
    detections = detect(postprocess_of(score=0.9999))

    assert not detections.valid.any()
    assert (detections.labels == -1).all()


def test_only_the_best_candidates_enter() -> None:
    few = detect(postprocess_of(candidates=6, detections=25))

    scores = make_predictions()[0].softmax(-1)[..., :-1].flatten(1)
    worst = scores.topk(6, 1).values[:, -1:]
    assert few.boxes.shape == (2, 25, 4)
    assert (few.valid.sum(1) <= 6).all()
    assert (few.scores.masked_fill(~few.valid, 1) >= worst).all()


def test_boxes_of_other_classes_do_not_suppress() -> None:
    box = torch.tensor([[[5.0, 5.0, 20.0, 20.0]]], dtype=torch.float64)
    proposals = Proposals(box, torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool))
    scores = torch.tensor([[[0.5, 0.3, 0.21]]], dtype=torch.float64)

    detections = postprocess_of()(
        scores, torch.zeros(1, 1, 3, 4).double(), proposals, IMAGE_SIZES[:1], CODER
    )

    assert detections.image(0).labels.tolist() == [0, 1, 2]
    torch.testing.assert_close(detections.image(0).boxes, box[0].expand(3, 4))


def on_canvas(images: Images) -> Detections:
    """One box over the whole of each image, one that sticks out, and padding."""
    height, width = images.sizes.double().unbind(1)
    zero = torch.zeros_like(width)
    whole = torch.stack([zero, zero, width, height], -1)
    out = torch.stack([-width, height / 2, 2 * width, 2 * height], -1)
    boxes = torch.stack([whole, out, whole * 0], 1)
    valid = torch.tensor([[True, True, False]]).expand(len(height), -1)
    return Detections(boxes, valid.double(), valid.long() - 1, valid)


def test_rescaling_maps_the_image_onto_its_file_and_clips() -> None:
    files = torch.tensor([[640, 480], [33, 77]])
    images = make_images()._replace(original_sizes=files)

    rescaled = rescale(on_canvas(images), images)

    height, width = files.double().unbind(1)
    zero = torch.zeros_like(width)
    whole = torch.stack([zero, zero, width, height], -1)
    lower = torch.stack([zero, height / 2, width, height], -1)
    torch.testing.assert_close(rescaled.boxes, torch.stack([whole, lower, whole * 0], 1))


def test_rescaling_there_and_back_changes_nothing() -> None:
    images = make_images()._replace(original_sizes=torch.tensor([[640, 480], [33, 77]]))
    back = images._replace(sizes=images.original_sizes, original_sizes=images.sizes)
    detections = detect(postprocess_of())

    there = rescale(detections, images)

    for one, other in zip(rescale(there, back), detections, strict=True):
        torch.testing.assert_close(one, other)
    assert not torch.equal(there.boxes, detections.boxes)
