"""The counter of waits: it sees what makes a host wait, and nothing of it behind our operators."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN as TorchvisionFasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from benchmarks.waits import count_syncs
from lumbar.ops.matching import best_overlap_reference
from lumbar.ops.nms import nms_keep_reference
from tests.detection.parts import make_targets


def test_kernels_behind_the_custom_operators_never_wait() -> None:
    boxes, marks = make_targets(5, 8).boxes, make_targets(5, 8).valid

    assert count_syncs(lambda: nms_keep_reference(boxes, marks.long(), marks, 0.5)) == {}
    assert count_syncs(lambda: best_overlap_reference(boxes, boxes, marks)) == {}


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: (x > 0).nonzero(),
        lambda x: x[x > 0],
        lambda x: x.clone().index_put_((x > 0,), torch.zeros(())),
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x.unique(),
        lambda x: torch.equal(x, x),
        lambda x: x.repeat_interleave(torch.ones_like(x, dtype=torch.int64)),
        lambda x: x + torch.tensor(1.0),
        lambda x: torch.ops.torchvision.nms(x.expand(4, 4).T, x, 0.5),
    ],
)
def test_the_counter_sees_each_kind_of_waiting(wait: Callable[[Tensor], object]) -> None:
    x = torch.arange(4.0)

    assert sum(count_syncs(lambda: wait(x)).values()) >= 1
    assert count_syncs(lambda: x[torch.arange(2)].topk(1)) == {}


def test_the_counter_sees_many_in_torchvision() -> None:
    backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None)
    theirs = TorchvisionFasterRCNN(backbone, 4, min_size=64, max_size=96)
    boxes = torch.tensor([[5.0, 5.0, 30.0, 40.0]])
    pictures = [torch.rand(3, 64, 96)] * 2
    truth = [{"boxes": boxes, "labels": torch.tensor([1])}] * 2

    training = count_syncs(lambda: theirs.train()(pictures, truth))
    prediction = count_syncs(lambda: theirs.eval()(pictures))

    assert sum(training.values()) > 20
    assert sum(prediction.values()) > 10
    assert "torchvision::nms" in training
