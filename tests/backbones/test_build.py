"""From settings to a backbone: what is loaded, what is frozen, what is refused."""

import logging
from pathlib import Path

import pytest
import torch
import torchvision

from backbones.build import build_backbone, make_backbone
from backbones.config import BackboneConfig, FPNConfig
from backbones.fpn import PyramidBackbone
from backbones.resnet import ResNet
from tests.contracts import check_backbone

FPN = FPNConfig(channels=16)


def body_of(pyramid: PyramidBackbone) -> ResNet:
    assert isinstance(pyramid.body, ResNet)
    return pyramid.body


@pytest.fixture(scope="module")
def resnet18_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-18 with random weights, as torchvision saves it."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18().state_dict(), path)
    return path


def frozen_parts(pyramid: PyramidBackbone) -> set[str]:
    return {n.split(".")[1] for n, p in pyramid.named_parameters() if not p.requires_grad}


def test_weights_are_loaded_and_stages_frozen(resnet18_file: Path) -> None:
    config = BackboneConfig(name="resnet18", weights=str(resnet18_file))
    pyramid, pixels, report = build_backbone(config, FPN)
    state = torch.load(resnet18_file, weights_only=True)
    ours = pyramid.body.state_dict()
    assert all(torch.equal(ours[key], state[key]) for key in ours)
    assert report is not None
    assert (report.reinitialised, report.unused) == ((), ("fc.weight", "fc.bias"))
    assert report.source == str(resnet18_file)
    assert frozen_parts(pyramid) == {"conv1", "layer1"}
    assert body_of(pyramid).frozen == {"stem", "layer1"}
    assert pixels.mean.shape == (3,)
    check_backbone(pyramid)


def test_without_weights_nothing_is_frozen_and_it_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = BackboneConfig(name="resnet18", weights="none", norm="group")
    with caplog.at_level(logging.WARNING):
        pyramid, _, report = build_backbone(config, FPN)
    assert report is None
    assert frozen_parts(pyramid) == set()
    assert "model.backbone.freeze is ignored" in caplog.text


def test_nothing_to_freeze_is_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    build_backbone(BackboneConfig(name="resnet18", weights="none", norm="batch", freeze=()), FPN)
    assert caplog.text == ""


def test_settings_reach_the_modules() -> None:
    config = BackboneConfig(
        name="resnet18",
        weights="none",
        norm="batch",
        norm_eps=1e-3,
        checkpoint=("layer2",),
        in_channels=4,
    )
    pyramid, pixels, _ = build_backbone(config, FPNConfig(channels=24, norm="group"))
    body = body_of(pyramid)
    assert body.bn1.eps == pytest.approx(1e-3)
    assert body.checkpointed == {"layer2"}
    assert pixels.mean.shape == (4,)
    assert {spec.channels for spec in pyramid.features.values()} == {24}
    assert isinstance(pyramid.fpn.get_submodule("inner_blocks.0.1"), torch.nn.GroupNorm)
    check_backbone(pyramid, in_channels=4)


def test_rgb_weights_serve_other_images(resnet18_file: Path) -> None:
    config = BackboneConfig(name="resnet18", weights=str(resnet18_file), in_channels=1)
    built = build_backbone(config, FPN)
    assert built.report is not None
    assert built.report.reshaped == ("conv1.weight",)


def test_a_trained_model_is_rebuilt_without_its_first_weights() -> None:
    """Nothing is fetched, whatever its first weights were."""
    config = BackboneConfig(name="resnet18", weights="torchvision/resnet18.v1")
    pyramid, pixels, report = make_backbone(config, FPN)
    assert report is None
    assert frozen_parts(pyramid) == {"conv1", "layer1"}
    assert list(pixels.state_dict()) == ["mean", "std"]


def test_frozen_norms_need_weights() -> None:
    with pytest.raises(ValueError, match=r"norm=frozen.*set model\.backbone\.norm=group"):
        build_backbone(BackboneConfig(name="resnet18", weights="none"), FPN)


@pytest.mark.parametrize(
    ("name", "weights", "fix"),
    [
        ("resnet101", "torchvision/resnet50.v1", "torchvision/resnet101.v1 or torchvision/"),
        ("resnet50_v1", "torchvision/resnet50.v2", "set model.backbone.weights=FILE, or"),
    ],
)
def test_names_of_other_networks_are_refused_before_fetching(
    name: str, weights: str, fix: str
) -> None:
    with pytest.raises(ValueError, match=f"does not fit model.backbone.name={name}") as error:
        build_backbone(BackboneConfig(name=name, weights=weights), FPN)
    assert fix in str(error.value)


def test_published_weights_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match=r"resnet18\.v2: torchvision has"):
        build_backbone(BackboneConfig(name="resnet18", weights="torchvision/resnet18.v2"), FPN)


@pytest.mark.parametrize(("name", "other"), [("resnet18", "resnet34"), ("resnet34", "resnet18")])
def test_files_of_other_networks_are_refused(tmp_path: Path, name: str, other: str) -> None:
    path = tmp_path / "other.pth"
    torch.save(torchvision.models.get_model(other).state_dict(), path)
    with pytest.raises(ValueError, match=r"other\.pth: .*(another network|not weights of)"):
        build_backbone(BackboneConfig(name=name, weights=str(path)), FPN)


def test_a_file_without_statistics_cannot_be_frozen(resnet18_file: Path, tmp_path: Path) -> None:
    state = torch.load(resnet18_file, weights_only=True)
    path = tmp_path / "group.pth"
    torch.save({key: value for key, value in state.items() if "running_" not in key}, path)
    with pytest.raises(ValueError, match=r"no statistics for model\.backbone\.norm=frozen"):
        build_backbone(BackboneConfig(name="resnet18", weights=str(path)), FPN)
    build_backbone(BackboneConfig(name="resnet18", weights=str(path), norm="group"), FPN)
