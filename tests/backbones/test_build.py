"""From settings to a backbone: what is loaded, what is frozen, what is refused."""

import logging
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torch import Tensor

from backbones.blocks import PreUnit, Unit
from backbones.build import BuiltBody, build_backbone, build_body, make_backbone, make_body
from backbones.config import BackboneConfig, FPNConfig, NormName
from backbones.files import WeightsFile
from backbones.fpn import PyramidBackbone
from backbones.pixels import PixelNorm
from backbones.resnet import ResNet
from backbones.zoo_body import translate_body
from lumbar.ops.structures import Images
from tests.backbones.zoo_files import detectron2_name, random_resnet, renamed
from tests.contracts import check_backbone

FPN = FPNConfig(channels=16)
IMAGENET_GREY = PixelNorm.of_imagenet(1).mean.tolist()


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
        width=16,
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


def whole(canvas: Tensor) -> Images:
    """Images without padding."""
    sizes = torch.tensor([canvas.shape[-2:]] * len(canvas))
    return Images(canvas, sizes, sizes)


@torch.no_grad()
def features(built: BuiltBody, canvas: Tensor) -> Tensor:
    """c2 of whole images, without the cells that see the border."""
    maps: dict[str, Tensor] = built.body.eval()(built.pixels(whole(canvas)))
    return maps["c2"][..., 7:-7, 7:-7]


@pytest.mark.parametrize("norm", ["frozen", "batch"])
@pytest.mark.parametrize(("channels", "seen"), [(1, [0, 0, 0]), (2, [0, 1, 0]), (3, [0, 1, 2])])
def test_each_colour_of_rgb_weights_sees_its_channel(
    resnet18_file: Path, norm: NormName, channels: int, seen: list[int]
) -> None:
    """Of all numbers of channels with one for each colour; one is a grey image, and the same as its three copies."""
    config = BackboneConfig(name="resnet18", weights=str(resnet18_file), norm=norm)
    rgb = build_body(config)
    other = build_body(config.model_copy(update={"in_channels": channels}))
    canvas = torch.randint(256, (2, channels, 96, 128)).float()

    wanted, actual = features(rgb, canvas[:, seen]), features(other, canvas)

    assert float((actual - wanted).abs().max() / wanted.abs().max()) < 1e-5
    assert other.report is not None
    stem = ("conv1.weight", "bn1.running_mean")
    assert other.report.reshaped == (stem if channels < 3 else ())
    assert other.report.reinitialised == ()


@pytest.mark.parametrize("channels", [3, 1])
def test_a_body_out_of_a_whole_model_brings_its_normalisation(
    channels: int, tmp_path: Path
) -> None:
    """With as many channels as they are, with others inside of the stem."""
    path, pixels = tmp_path / "whole.safetensors", PixelNorm([10.0, 90.0, 200.0], [30.0, 60.0, 90])
    state = {n: value for n, value in random_resnet("resnet18").items() if not n.startswith("fc")}
    inside = {f"backbone.{name}": value for name, value in state.items()}
    stated = {f"pixels.{name}": value for name, value in pixels.state_dict().items()}
    save_file(inside | stated, path, {"arch": "resnet18"})
    config = BackboneConfig(name="resnet18", weights=str(path), in_channels=channels)
    canvas = torch.randint(256, (2, channels, 96, 128)).float()

    built = build_body(config)

    whole_model = make_body(BackboneConfig(name="resnet18"))._replace(pixels=pixels)
    whole_model.body.load_state_dict(state)
    wanted = features(whole_model, canvas.expand(-1, 3, -1, -1))
    actual = features(built, canvas)
    assert float((actual - wanted).abs().max() / wanted.abs().max()) < 1e-5
    assert built.pixels.mean.tolist() == ([10, 90, 200] if channels == 3 else IMAGENET_GREY)
    assert built.report is not None
    assert (built.report.reinitialised, built.report.unused) == ((), ())


def test_timms_rule_can_be_asked_for(resnet18_file: Path) -> None:
    config = BackboneConfig(
        name="resnet18", weights=str(resnet18_file), in_channels=1, input_rule="timm"
    )
    state = torch.load(resnet18_file, weights_only=True)
    body, _, report = build_body(config)
    torch.testing.assert_close(body.conv1.weight, state["conv1.weight"].sum(1, keepdim=True))
    assert torch.equal(body.get_buffer("bn1.running_mean"), state["bn1.running_mean"])
    assert report is not None
    assert report.reshaped == ("conv1.weight",)


def test_a_network_of_another_zoo_sees_grey_as_before(tmp_path: Path) -> None:
    """BGR pixels of which only the mean is taken, converted and then given one channel."""
    state = random_resnet("resnet18")
    theirs = renamed(state, detectron2_name)
    bodies = []
    for channels in (3, 1):
        body = translate_body(WeightsFile(theirs, {}), "model.pkl")
        save_file(body.translation.state, tmp_path / "r18.safetensors", {"arch": body.arch})
        weights = str(tmp_path / "r18.safetensors")
        bodies.append(
            build_body(BackboneConfig(name="resnet18", weights=weights, in_channels=channels))
        )
    grey = torch.randint(256, (1, 1, 96, 128)).float()
    mean = torch.tensor([103.53, 116.28, 123.675])[:, None, None]

    wanted, actual = features(bodies[0], grey.expand(-1, 3, -1, -1)), features(bodies[1], grey)

    assert float((actual - wanted).abs().max() / wanted.abs().max()) < 1e-5
    by_hand = F.conv2d(grey - mean, state["conv1.weight"], stride=2, padding=3)
    ours = bodies[0].body.conv1(bodies[0].pixels(whole(grey.expand(-1, 3, -1, -1))))
    torch.testing.assert_close(ours, by_hand, rtol=1e-4, atol=1e-3)


def test_a_body_alone_is_what_stands_under_the_pyramid(resnet18_file: Path) -> None:
    config = BackboneConfig(name="resnet18", weights=str(resnet18_file), output_stride=8)
    body, _, report = build_body(config)
    assert report is not None
    assert report.reinitialised == ()
    assert [spec.stride for spec in body.features.values()] == [4, 8, 8, 8]
    assert body.frozen == {"stem", "layer1"}
    made = make_body(config)
    assert made.body.state_dict().keys() == body.state_dict().keys()
    assert (made.body.features, made.report) == (body.features, None)


def test_no_pyramid_stands_on_a_dense_body() -> None:
    config = BackboneConfig(name="resnet18", weights="none", norm="batch", output_stride=16)
    with pytest.raises(ValueError, match=r"set model\.backbone\.output_stride=32"):
        build_backbone(config, FPN)


def test_a_trained_model_is_rebuilt_without_its_first_weights() -> None:
    """Nothing is fetched, whatever its first weights were."""
    config = BackboneConfig(name="resnet18", weights="torchvision/resnet18.v1")
    pyramid, pixels, report = make_backbone(config, FPN)
    assert report is None
    assert frozen_parts(pyramid) == {"conv1", "layer1"}
    assert list(pixels.state_dict()) == ["mean", "std"]


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_preresnet20", "seresnet18"])
def test_units_can_begin_as_their_shortcuts(name: str) -> None:
    config = BackboneConfig(
        name=name, weights="none", norm="batch", freeze=(), zero_init_residual=True
    )
    body = build_body(config).body.eval()
    units = [module for module in body.modules() if isinstance(module, Unit)]
    last = units[-1]
    *_, (channels, _) = body.features.values()
    x = torch.rand(2, channels, 4, 4)

    assert torch.equal(last(x), x)
    body.train()(torch.rand(2, 3, 32, 32))[[*body.features][-1]].square().mean().backward()
    what = "conv2" if isinstance(last, PreUnit) else "bn2"
    assert all(unit.get_submodule(what).weight.grad.any() for unit in units)


@pytest.mark.parametrize("name", ["cifar_plain20", "cifar_highway20", "vgg16_bn"])
def test_what_would_begin_as_nothing_is_refused(name: str) -> None:
    config = BackboneConfig(name=name, weights="none", norm="batch", zero_init_residual=True)
    with pytest.raises(
        ValueError, match=rf"{name} .*set model\.backbone\.zero_init_residual=false"
    ):
        build_body(config)


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


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_openmmlabs_deep_stem_has_other_names(tmp_path: Path, prefix: str) -> None:
    config = BackboneConfig(name="resnet18c", weights="none", norm="batch", freeze=())
    wanted = build_body(config).body.state_dict()
    theirs = {
        prefix + re.sub(r"^conv1\.", "stem.", re.sub(r"^bn1\.", "stem.7.", name)): value
        for name, value in wanted.items()
    }
    assert f"{prefix}stem.6.weight" in theirs
    assert f"{prefix}stem.7.weight" in theirs
    torch.save({"state_dict": theirs}, tmp_path / "r18_v1c.pth")

    body, _, report = build_body(config.model_copy(update={"weights": f"{tmp_path}/r18_v1c.pth"}))

    assert report is not None
    assert (report.reinitialised, report.unused) == ((), ())
    assert all(torch.equal(value, wanted[name]) for name, value in body.state_dict().items())


def test_another_stem_is_another_network(resnet18_file: Path) -> None:
    config = BackboneConfig(name="resnet18c", weights=str(resnet18_file), norm="group")
    with pytest.raises(ValueError, match=r"not weights of .*resnet18c, conv1\.\d\.weight differs"):
        build_body(config)


def test_a_deep_stem_needs_no_statistics_for_groups(tmp_path: Path) -> None:
    config = BackboneConfig(name="resnet18c", weights="none", norm="batch", freeze=())
    torch.save(build_body(config).body.state_dict(), tmp_path / "r18c.pth")
    update = {"weights": f"{tmp_path}/r18c.pth", "norm": "group"}
    report = build_body(config.model_copy(update=update)).report
    assert report is not None
    assert "conv1.1.running_mean" in report.unused


def test_a_file_without_statistics_cannot_be_frozen(resnet18_file: Path, tmp_path: Path) -> None:
    state = torch.load(resnet18_file, weights_only=True)
    path = tmp_path / "group.pth"
    torch.save({key: value for key, value in state.items() if "running_" not in key}, path)
    with pytest.raises(ValueError, match=r"no statistics for model\.backbone\.norm=frozen"):
        build_backbone(BackboneConfig(name="resnet18", weights=str(path)), FPN)
    build_backbone(BackboneConfig(name="resnet18", weights=str(path), norm="group"), FPN)
