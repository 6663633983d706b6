"""There and back: what torchvision saved is what it loads again."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from backbones.network import make_network
from backbones.norm import FrozenNorm
from backbones.torchvision_layout import NETWORKS, torchvision_state
from backbones.weights import PUBLISHED, backbone_part


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d", "vgg16", "vgg19_bn"])
def test_torchvision_loads_what_is_written(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    body = make_network(name)
    torch.save(torchvision_state(body.state_dict(), name), tmp_path / "out.pth")
    written = torch.load(tmp_path / "out.pth", weights_only=True)
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name)
    rest = theirs.load_state_dict(written, strict=False, assign=True)
    assert not rest.unexpected_keys
    assert all(key.startswith(("fc.", "classifier.")) for key in rest.missing_keys)
    again = backbone_part(written)
    assert all(torch.equal(value, again[key]) for key, value in body.state_dict().items())


def test_a_classifier_goes_with_its_last_layer_and_counters() -> None:
    body = make_network("resnet18", norm=FrozenNorm).state_dict()
    state = {f"body.{key}": value for key, value in body.items()}
    state |= {f"fc.{key}": value for key, value in nn.Linear(512, 1000).state_dict().items()}
    with torch.device("meta"):
        theirs = torchvision.models.resnet18()
    theirs.load_state_dict(torchvision_state(state, "resnet18"), assign=True)
    assert int(theirs.bn1.num_batches_tracked) == 0


@pytest.mark.parametrize("name", ["resnet50_v1", "cifar_resnet20", "timm/resnet50"])
def test_what_torchvision_lacks_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: torchvision has no such network, only resnet18"):
        torchvision_state({}, name)


def test_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not the state of a resnet18: it has no first conv"):
        torchvision_state({"weight": torch.zeros(1)}, "resnet18")


def test_all_that_torchvision_publishes_can_be_written() -> None:
    assert {name.split("/")[1].partition(".")[0] for name in PUBLISHED} == {*NETWORKS}
