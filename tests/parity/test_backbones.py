"""The same weights compute the same bits here as in torchvision and timm."""

import re
from collections.abc import Mapping
from functools import partial

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter

from backbones.files import WeightsFile
from backbones.network import make_network
from backbones.norm import group_norm
from backbones.zoo import TIMM_PREACTIVATED
from backbones.zoo_body import translate_body
from backbones.zoo_translation import Translation
from tests.contracts import pixels

timm = pytest.importorskip("timm")

TORCHVISION = (
    *("resnet18", "resnet34", "resnet50", "resnet101"),
    *("wide_resnet50_2", "resnext50_32x4d"),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("resnet152", "wide_resnet101_2", "resnext101_32x8d", "resnext101_64x4d")
    ),
)
TIMM = {
    "resnet18d": "resnet18d",
    "resnet50c": "resnet50c",
    "resnet50d": "resnet50d",
    "seresnet18": "seresnet18",
    "seresnet50": "seresnet50",
    "ecaresnet50d": "ecaresnet50d",
    "resnetblur18": "resnetblur18",
    "resnetblur50": "resnetblur50",
}
SLOW_TIMM = {
    "resnet34d": "resnet34d",
    "resnet101d": "resnet101d",
    "resnet200": "resnet200",
    "resnet200d": "resnet200d",
    "seresnet34": "seresnet34",
    "seresnet101": "seresnet101",
    "seresnet152": "seresnet152",
    "ecaresnet101d": "ecaresnet101d",
    "resnet101c": "resnet101c",
    "resnet152c": "resnet152c",
    "resnet152d": "resnet152d",
}


def alive(net: nn.Module) -> nn.Module:
    """In evaluation, with statistics and biases that nothing can ignore and activations of a usual size."""
    for key, value in net.state_dict().items():
        if key.endswith("running_mean") or (value.ndim == 1 and key.endswith("bias")):
            value.normal_(std=0.1)
        elif key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            value.uniform_(0.8, 1.2)
    return net.eval()


def equal_bits(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor] | list[Tensor]) -> bool:
    values = theirs if isinstance(theirs, list) else list(theirs.values())
    pairs = list(zip(ours.values(), values, strict=True))
    assert all(wanted.isfinite().all() and wanted.any() for _, wanted in pairs)
    return all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str) -> None:
    torch.manual_seed(0)
    theirs = alive(torchvision.models.get_model(name))
    with torch.device("meta"):
        ours = make_network(name).eval()
    rest = ours.load_state_dict(theirs.state_dict(), strict=False, assign=True)
    assert (rest.missing_keys, rest.unexpected_keys) == ([], ["fc.weight", "fc.bias"])
    getter = IntermediateLayerGetter(theirs, {f"layer{n}": f"c{n + 1}" for n in range(1, 5)})
    x = pixels(2, 3, 65, 64).float()
    with torch.no_grad():
        assert equal_bits(ours(x), getter(x))


@pytest.mark.parametrize(
    ("name", "other"),
    [*TIMM.items(), *(pytest.param(*p, marks=pytest.mark.slow) for p in SLOW_TIMM.items())],
)
def test_timm(name: str, other: str) -> None:
    torch.manual_seed(0)
    if not timm.is_model(other):
        theirs = timm.create_model(other.replace("c", "d"), avg_down=False)
    else:
        theirs = timm.create_model(other)
    theirs = alive(theirs)
    with torch.device("meta"):
        ours = make_network(name).eval()
    rest = ours.load_state_dict(theirs.state_dict(), strict=False, assign=True)
    assert (rest.missing_keys, rest.unexpected_keys) == ([], ["fc.weight", "fc.bias"])
    assert list(ours.state_dict()) == list(theirs.state_dict())[:-2]
    x = pixels(2, 3, 64, 96).float()
    with torch.no_grad():
        wanted = theirs.forward_intermediates(x, indices=[1, 2, 3, 4], intermediates_only=True)
        assert equal_bits(ours(x), wanted)


def renamed(net: nn.Module) -> dict[str, Tensor]:
    return dict(Translation.of(net.state_dict(), TIMM_PREACTIVATED, "timm").state)


def test_preactivated_units_of_timm() -> None:
    torch.manual_seed(0)
    theirs = alive(timm.create_model("resnetv2_50"))
    with torch.device("meta"):
        ours = make_network("preresnet50").eval()
    ours.load_state_dict(renamed(theirs), assign=True)
    x = pixels(2, 3, 64, 96).float()
    with torch.no_grad():
        wanted = theirs.forward_intermediates(x, [1, 2, 3, 4], norm=True, intermediates_only=True)
        assert equal_bits(ours(x), wanted)


def test_standardised_weights_and_groups_of_timm() -> None:
    """Big Transfer's network, but for the padding of its first maximum."""
    from timm.layers.norm_act import GroupNormAct
    from timm.layers.std_conv import StdConv2d
    from timm.models.resnetv2 import ResNetV2

    torch.manual_seed(0)
    conv, norm = partial(StdConv2d, eps=1e-8), partial(GroupNormAct, num_groups=32)
    theirs = alive(ResNetV2([3, 4, 6, 3], conv_layer=conv, norm_layer=norm, stem_type=""))
    ours = make_network("preresnet50_ws", norm=group_norm).eval()
    ours.load_state_dict(renamed(theirs))
    assert len(theirs.state_dict()) == 153
    x = pixels(1, 3, 64, 64).float()
    with torch.no_grad():
        wanted = theirs.forward_intermediates(x, [1, 2, 3, 4], norm=True, intermediates_only=True)
        assert equal_bits(ours(x), wanted)


def test_what_is_converted_sees_the_pixels_it_was_made_for() -> None:
    """timm's pre-activated networks want pixels between -1 and 1."""
    torch.manual_seed(0)
    theirs = alive(timm.create_model("resnetv2_50")).double()
    name, translation = translate_body(WeightsFile(theirs.state_dict(), {}), "file")
    assert name == "preresnet50"
    ours = make_network(name).double().eval()
    ours.load_state_dict(translation.state)
    picture = torch.randint(256, (1, 3, 64, 64)).double()
    mean, std = (
        torch.tensor(v, dtype=torch.float64)[:, None, None] * 255
        for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    first = [
        conv((picture - shift) / scale)
        for conv, shift, scale in (
            (theirs.stem.conv, 127.5, 127.5),
            (ours.get_submodule("conv1"), mean, std),
        )
    ]
    inner = [y[..., 2:-2, 2:-2] for y in first]
    constant = (inner[0] - inner[1])[..., :1, :1]
    torch.testing.assert_close(inner[0] - inner[1], constant.expand_as(inner[0]))
    moved = theirs.stages[0].blocks[0].norm1.running_mean - ours.get_buffer(
        "layer1.0.bn1.running_mean"
    )
    torch.testing.assert_close(moved, constant.flatten(), rtol=1e-5, atol=1e-6)


def test_keys_of_the_deep_stem_are_timms() -> None:
    with torch.device("meta"):
        keys = make_network("resnet50d").state_dict()
    assert [key for key in keys if re.fullmatch(r"conv1\..*weight", key)] == [
        f"conv1.{place}.weight" for place in (0, 1, 3, 4, 6)
    ]
