"""Stage by stage, our Faster R-CNN under torchvision's presets computes what torchvision's do, in float64."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from benchmarks.twins import Twins
from detection.box_head import cells_first
from lumbar.ops.structures import Images, Targets
from tests.parity.twins import (
    NUM_CLASSES,
    PADDED_TARGETS,
    OurSampler,
    make_scaled_twins,
    make_scaled_twins_v2,
    make_targets,
    norms_of,
    real_images,
    to_images,
)

EXACT = {"rtol": 0.0, "atol": 1e-9}
LOSS_NAMES = {
    "rpn/objectness": "loss_objectness",
    "rpn/box": "loss_rpn_box_reg",
    "roi/class": "loss_classifier",
    "roi/box": "loss_box_reg",
}


class Scene(NamedTuple):
    """Both detectors and one batch in both formats."""

    twins: Twins
    pictures: list[Tensor]
    images: Images
    their_targets: list[dict[str, Tensor]]
    targets: Targets


@pytest.fixture(
    scope="module", params=[make_scaled_twins, make_scaled_twins_v2], ids=["first", "second"]
)
def scene(request: pytest.FixtureRequest, examples: Path) -> Iterator[Scene]:
    """Made once for each version: R50-FPN in float64 takes its time."""
    torch.set_default_dtype(torch.float64)
    try:
        pictures = real_images(examples / "coco")
        yield Scene(request.param(pictures), pictures, to_images(pictures), *make_targets())
    finally:
        torch.set_default_dtype(torch.float32)


def test_features_are_equal(scene: Scene) -> None:
    theirs = scene.twins.theirs.eval()
    transformed, _ = theirs.transform(scene.pictures)

    with torch.no_grad():
        expected = theirs.backbone(transformed.tensors)
        actual = scene.twins.ours.dense(scene.images).features

    for theirs, ours in zip(expected.values(), actual.values(), strict=True):
        torch.testing.assert_close(ours, theirs, **EXACT)


def test_rpn_logits_and_proposals_are_equal(scene: Scene) -> None:
    theirs, ours = scene.twins.theirs.eval(), scene.twins.ours
    transformed, _ = theirs.transform(scene.pictures)
    with torch.no_grad():
        features = theirs.backbone(transformed.tensors)
        logits, deltas = theirs.rpn.head(list(features.values()))
        proposals, _ = theirs.rpn(transformed, features)
        output = ours.dense(scene.images).rpn
        mine = ours.rpn.propose(output, scene.images)

    for level, expected in enumerate(logits):
        torch.testing.assert_close(
            output.logits[level], expected.permute(0, 2, 3, 1).flatten(1), **EXACT
        )
        torch.testing.assert_close(
            output.deltas[level].flatten(1), deltas[level].permute(0, 2, 3, 1).flatten(1), **EXACT
        )
    for image, expected in enumerate(proposals):
        assert len(expected) >= 50
        torch.testing.assert_close(mine.boxes[image][mine.valid[image]], expected, **EXACT)


def test_detections_are_equal(scene: Scene) -> None:
    with torch.no_grad():
        expected = scene.twins.theirs.eval()(scene.pictures)

    actual = scene.twins.ours.predict(scene.images)

    for index, theirs in enumerate(expected):
        ours = actual.image(index)
        assert len(theirs["scores"]) > 5
        torch.testing.assert_close(ours.scores, theirs["scores"], **EXACT)
        torch.testing.assert_close(ours.boxes, theirs["boxes"], **EXACT)
        assert torch.equal(ours.labels + 1, theirs["labels"])


def test_losses_and_all_gradients_are_equal(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = scene.twins.theirs.train(), scene.twins.ours
    for norm in norms_of(theirs):
        norm.eval()
    _share_samples(scene, monkeypatch)
    _keep_float64_labels(theirs, monkeypatch)

    expected = theirs(scene.pictures, scene.their_targets)
    actual = ours.losses(scene.images, scene.targets)
    for name, their_name in LOSS_NAMES.items():
        torch.testing.assert_close(actual[name], expected[their_name], **EXACT)

    sum(expected.values()).backward()
    sum(actual.values()).backward()
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None
        wanted = _in_our_order(name, gradients[name])
        torch.testing.assert_close(parameter.grad, wanted, rtol=0, atol=1e-8)


def _share_samples(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets torchvision compute its losses on the anchors and regions that we sample."""
    theirs, ours = scene.twins
    with torch.no_grad():
        output = ours.dense(scene.images).rpn
    anchors = sum(len(level) for level in output.anchors)
    every = [torch.arange(anchors)] * 2
    seeds = scene.targets.seeds
    rpn_sampler = OurSampler(ours.rpn.sampler, seeds, anchors, every)
    valid = ours.rpn.propose_for_training(output, scene.images).valid
    offered = torch.cat([valid, scene.targets.valid], 1)
    rows = valid.shape[1] + PADDED_TARGETS
    places = [row.nonzero()[:, 0] for row in offered]
    roi_sampler = OurSampler(ours.roi_heads.sampler, seeds, rows, places)
    monkeypatch.setattr(theirs.rpn, "fg_bg_sampler", rpn_sampler)
    monkeypatch.setattr(theirs.roi_heads, "fg_bg_sampler", roi_sampler)


def _keep_float64_labels(theirs: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's objectness labels are float32, and so is then its loss; this keeps it in float64."""
    assign = theirs.rpn.assign_targets_to_anchors

    def in_float64(*arguments: object) -> tuple[list[Tensor], list[Tensor]]:
        labels, boxes = assign(*arguments)
        return [label.double() for label in labels], boxes

    monkeypatch.setattr(theirs.rpn, "assign_targets_to_anchors", in_float64)


def _in_our_order(name: str, gradient: Tensor) -> Tensor:
    if "cls_score" in name:
        return gradient.roll(-1, 0)
    if "bbox_pred" in name and "roi_heads" in name:
        assert gradient[:4].abs().max() == 0
        return gradient[-4 * NUM_CLASSES :]
    if name in {"roi_heads.box_head.fc6.weight", "roi_heads.box_head.5.weight"}:
        return cells_first(gradient, 256)
    return gradient
