"""VGG: torchvision's function, sizes rounded up, dense maps, frozen stages."""

import pytest
import torch
import torchvision
from torch import nn

from backbones.norm import FrozenNorm
from backbones.vgg import VGG, VGGS, VGGArch
from backbones.weights import backbone_part
from tests.contracts import check_backbone, pixels


def small(*, normed: bool, output_stride: int = 32, norm: type[nn.Module] = nn.BatchNorm2d) -> VGG:
    torch.manual_seed(0)
    arch = VGGArch((1, 1, 2, 1, 1), normed=normed)
    return VGG(arch, norm=norm, output_stride=output_stride).double()


@pytest.mark.parametrize(
    "name",
    [
        "vgg16",
        "vgg16_bn",
        *(pytest.param(f"vgg19{n}", marks=pytest.mark.slow) for n in ("", "_bn")),
    ],
)
def test_equals_torchvision(name: str) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name).features.eval()
    for key, value in theirs.state_dict().items():
        if "running_" in key or key.endswith("bias"):
            value.uniform_(0.5, 1.5)
    with torch.device("meta"):
        ours = VGG(VGGS[name]).eval()
    state = backbone_part({f"features.{key}": value for key, value in theirs.state_dict().items()})
    ours.load_state_dict(state, assign=True)
    x = pixels(1, 3, 64, 32).float()
    pools = [n for n, layer in enumerate(theirs) if isinstance(layer, nn.MaxPool2d)]
    with torch.no_grad():
        wanted = {f"c{n}": theirs[: pools[n]](x) for n in (2, 3, 4)} | {"c5": theirs(x)}
        maps = ours(x)
    assert list(maps) == list(wanted)
    assert all(torch.equal(maps[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("normed", [True, False])
def test_contract(normed: bool) -> None:
    net = small(normed=normed)
    net.freeze(["stem", "layer2"])
    assert {n.split(".")[0] for n, p in net.named_parameters() if p.requires_grad} == {
        "layer1",
        "layer3",
    }
    check_backbone(net)


@pytest.mark.parametrize("output_stride", [8, 16])
def test_a_dense_network_holds_the_strided_one(output_stride: int) -> None:
    strided, dense = small(normed=True), small(normed=True, output_stride=output_stride)
    x = pixels(1, 3, 65, 97)
    with torch.no_grad():
        wanted, maps = strided.eval()(x), dense.eval()(x)
    for key, (_, stride) in dense.features.items():
        step = strided.features[key].stride // stride
        torch.testing.assert_close(maps[key][..., ::step, ::step], wanted[key])
    check_backbone(dense)


def test_a_frozen_norm_folds_with_the_bias_of_its_convolution() -> None:
    batch, frozen = small(normed=True).eval(), small(normed=True, norm=FrozenNorm)
    for value in batch.state_dict().values():
        if value.is_floating_point() and value.ndim == 1:
            value.uniform_(0.5, 2)
    frozen.load_state_dict(batch.state_dict())
    x = pixels(1, 3, 32, 32)
    torch.testing.assert_close(frozen(x)["c5"], batch(x)["c5"], rtol=1e-10, atol=1e-10)


def test_stages_are_computed_again() -> None:
    torch.manual_seed(0)
    arch = VGGArch((1, 1, 1, 1, 1), normed=True)
    net = VGG(arch, checkpointed=("stem", "layer2")).double().train()
    net(pixels(2, 3, 32, 32))["c5"].sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_another_output_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="output_stride=4: it is 8, 16 or 32"):
        VGG(VGGS["vgg16"], output_stride=4)
