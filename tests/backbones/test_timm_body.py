"""Networks of timm: their maps, their stages, their norms, their weights, and what is refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

from backbones.build import build_backbone, build_body, make_body
from backbones.config import BackboneConfig, FPNConfig, NormName
from backbones.timm_body import TimmBody, make_timm
from tests.contracts import check_backbone, pixels

timm = pytest.importorskip("timm")

FPN = FPNConfig(channels=16)
SIZES = {
    "mobilenetv2_100": (24, 32, 96, 320),
    "densenet121": (256, 512, 1024, 1024),
    "inception_resnet_v2": (192, 320, 1088, 1536),
}


def config(name: str, **changes: object) -> BackboneConfig:
    values = {"name": f"timm/{name}", "weights": "none", "norm": "batch", "freeze": ()} | changes
    return BackboneConfig.model_validate(values)


@pytest.fixture(scope="module")
def mobile() -> TimmBody:
    """Always the same weights; tests leave it as it is."""
    torch.manual_seed(0)
    return make_timm("mobilenetv2_100")[0]


@pytest.mark.parametrize(
    "name",
    [
        "mobilenetv2_100",
        pytest.param("densenet121", marks=pytest.mark.slow),
        pytest.param("inception_resnet_v2", marks=pytest.mark.slow),
    ],
)
def test_contract_under_a_pyramid(name: str) -> None:
    torch.manual_seed(0)
    pyramid, _, report = build_backbone(config(name), FPN)
    assert report is None
    body = pyramid.body
    assert {key: tuple(spec) for key, spec in body.features.items()} == dict(
        zip(("c2", "c3", "c4", "c5"), zip(SIZES[name], (4, 8, 16, 32), strict=True), strict=True)
    )
    check_backbone(pyramid)


def test_inceptions_maps_get_the_sizes_of_their_strides() -> None:
    body, pixel_norm = make_timm("inception_resnet_v2")
    maps = body.eval()(torch.zeros(1, 3, 65, 97))
    assert [tuple(y.shape[2:]) for y in maps.values()] == [(17, 25), (9, 13), (5, 7), (3, 4)]
    assert pixel_norm.mean.tolist() == pixel_norm.std.tolist() == [127.5] * 3


def test_maps_are_timms_own(mobile: TimmBody) -> None:
    theirs = timm.create_model("mobilenetv2_100", features_only=True).eval()
    theirs.load_state_dict(mobile.net.state_dict())
    x = pixels(1, 3, 64, 96).float()
    with torch.no_grad():
        wanted, maps = theirs(x)[1:], mobile.eval()(x)
    assert all(map(torch.equal, maps.values(), wanted))


def test_a_parameter_belongs_to_the_finest_map_that_needs_it(mobile: TimmBody) -> None:
    parts = mobile.parts
    assert set(parts) == {name for name, _ in mobile.net.named_parameters()}
    assert parts["conv_stem.weight"] == parts["blocks.0.0.conv_pw.weight"] == "stem"
    assert parts["blocks.1.0.conv_pw.weight"] == "layer1"
    assert parts["blocks.3.0.conv_pw.weight"] == parts["blocks.4.0.conv_pw.weight"] == "layer3"


def test_stages_are_frozen_and_stay_in_evaluation(tmp_path: Path) -> None:
    state = timm.create_model("mobilenetv2_100").state_dict()
    torch.save({"state_dict": state}, tmp_path / "mobile.pth")
    weights = str(tmp_path / "mobile.pth")
    body, _, report = build_body(
        config("mobilenetv2_100", weights=weights, freeze=("stem", "layer1"))
    )
    assert isinstance(body, TimmBody)
    assert report is not None
    assert report.reinitialised == ()
    assert all(torch.equal(value, state[key]) for key, value in body.net.state_dict().items())
    frozen = {body.parts[n] for n, p in body.net.named_parameters() if not p.requires_grad}
    assert frozen == {"stem", "layer1"}
    body.train()
    assert not body.net.get_submodule("bn1").training
    assert body.net.get_submodule("blocks.6.0.bn1").training


@pytest.mark.parametrize(("norm", "trained"), [("frozen", False), ("eval", True), ("batch", True)])
def test_norms_are_fixed_as_asked_for(norm: NormName, trained: bool) -> None:
    body, _ = make_timm("mobilenetv2_100", norm=norm)
    layer = body.train().net.get_submodule("blocks.6.0.bn1")
    assert layer.training == (norm == "batch")
    assert layer.get_parameter("weight").requires_grad == trained


def test_other_channels_and_a_denser_map() -> None:
    body, pixel_norm = make_timm("resnet18", in_channels=1, output_stride=8)
    assert [spec.stride for spec in body.features.values()] == [4, 8, 8, 8]
    assert pixel_norm.mean.shape == (1,)
    maps = body.eval()(torch.zeros(1, 1, 33, 64))
    assert [tuple(y.shape[2:]) for y in maps.values()] == [(9, 16), *[(5, 8)] * 3]


def test_a_trained_model_is_rebuilt_without_weights() -> None:
    body, _, report = make_body(config("mobilenetv2_100", weights="timm/mobilenetv2_100.ra_in1k"))
    assert report is None
    assert isinstance(body.get_submodule("net"), nn.Module)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("mobilnetv2_100", {}, r'no network "mobilnetv2_100", did you mean "timm/mobilenetv2_100"'),
        ("densenet121", {"norm": "group"}, r"norm=group: a network of timm keeps its own norms"),
        ("densenet121", {"output_stride": 8}, r"output_stride=8"),
        (
            "densenet121",
            {"drop_path": 0.1},
            r"drop_path can .*set model\.backbone\.drop_path=0\.0$",
        ),
        ("densenet121", {"checkpoint": ("stem",)}, r"set model\.backbone\.checkpoint=\[\]$"),
        ("densenet121", {"zero_init_residual": True}, r"zero_init_residual=false$"),
        ("densenet121", {"weights": "timm/resnet18.a1_in1k"}, r"set model\.backbone\.name=timm/re"),
        ("densenet121", {"weights": "torchvision/resnet18.v1"}, r"does not fit"),
        ("densenet121", {"norm": "frozen"}, r"never learns its statistics"),
        ("swin_tiny_patch4_window7_224", {}, r"images of one size only"),
        ("vit_tiny_patch16_224", {}, r"images of one size only"),
    ],
)
def test_what_cannot_be_is_refused(name: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_body(config(name, **changes))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("mobilenetv2_050").state_dict(), tmp_path / "half.pth")
    with pytest.raises(ValueError, match=r"half\.pth: (weights of another|not weights of this)"):
        build_body(config("mobilenetv2_100", weights=str(tmp_path / "half.pth")))
