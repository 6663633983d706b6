"""The tables hold the names that the zoos use, which are written down a second time beside these tests."""

from functools import partial

import pytest
import torch
import torchvision

from backbones.zoo import find_layout, our_name
from detection.zoo import DETECTORS, PUBLISHED_DETECTORS
from tests.backbones.zoo_files import Rename
from tests.detection.zoo_files import (
    detectron2_detector_name,
    mmdetection_name,
    old_torchvision_name,
)

WRITERS: list[tuple[str, Rename, str]] = [
    ("torchvision", str, "v1"),
    ("torchvision", str, "v2"),
    ("torchvision", old_torchvision_name, "v1"),
    ("detectron2", partial(detectron2_detector_name, is_deep=False), "v1"),
    ("detectron2", partial(detectron2_detector_name, is_deep=True), "v2"),
    ("MMDetection", partial(mmdetection_name, is_deep=False), "v1"),
    ("MMDetection", partial(mmdetection_name, is_deep=True), "v2"),
]


@pytest.fixture(scope="module")
def names() -> dict[str, list[str]]:
    """torchvision's, of both versions of its detector."""
    build = torchvision.models.detection
    with torch.device("meta"):
        versions = {
            "v1": build.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None),
            "v2": build.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None),
        }
    return {version: list(model.state_dict()) for version, model in versions.items()}


@pytest.mark.parametrize(("zoo", "write", "version"), WRITERS)
def test_every_name_of_a_zoo_becomes_ours(
    zoo: str, write: Rename, version: str, names: dict[str, list[str]]
) -> None:
    theirs = [write(name) for name in names[version]]

    layout = find_layout(theirs, DETECTORS, "file")

    assert layout.zoo == zoo
    assert len({*theirs}) == len(theirs)
    assert [our_name(name, layout) for name in theirs] == names[version]


def test_a_residual_network_alone_is_no_detector(names: dict[str, list[str]]) -> None:
    body = [name for name in names["v1"] if name.startswith("backbone.body.")]

    with pytest.raises(ValueError, match=r"^r50\.pth: names of no known layout \(backbone\.body"):
        find_layout(body, DETECTORS, "r50.pth")


def test_names_stand_for_the_files_of_torchvision() -> None:
    files = {name: weights.url.rpartition("/")[2] for name, weights in PUBLISHED_DETECTORS.items()}

    assert files == {
        "torchvision/fasterrcnn_resnet50_fpn": "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
        "torchvision/fasterrcnn_resnet50_fpn_v2": "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth",
    }
