"""Every kind of network keeps the contract, strided and dense, and starts as its paper says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from backbones.attention import EfficientAttention, SqueezeExcite
from backbones.base import Backbone
from backbones.blocks import PreUnit
from backbones.catalogue import ARCHS
from backbones.drop import Drop
from backbones.names import NAMES
from backbones.network import has_norms, make_network
from backbones.norm import FrozenNorm, group_norm
from backbones.resnet import ResNet
from backbones.standardised import StandardisedConv
from backbones.vgg import VGG
from backbones.weights import read_backbone
from tests.backbones.thin import KINDS, SMALL_KINDS, thin
from tests.contracts import check_backbone, pixels

GATED = ("seresnet18", "seresnet50", "ecaresnet50d")
"""They look at means over all cells, which are others where there are more cells."""

each_kind = pytest.mark.parametrize("name", [*KINDS, *SMALL_KINDS])
each_output_stride = pytest.mark.parametrize(
    "output_stride", [8, pytest.param(16, marks=pytest.mark.slow)]
)
"""With 8 two stages keep the size, and with 16 the second of them alone."""


def small(name: str, *, output_stride: int = 32, norm: type[nn.Module] = nn.BatchNorm2d) -> ResNet:
    """Always the same weights, and norms that nothing can ignore."""
    torch.manual_seed(0)
    net = ResNet(thin(name), norm=norm, output_stride=output_stride).double()
    for key, value in net.state_dict().items():
        if "running_mean" in key or ("bn" in key and key.endswith("bias")):
            value.normal_(std=0.3)
        elif "running_var" in key:
            value.uniform_(0.5, 2)
    return net


def test_a_kind_differs_from_others_in_more_than_size() -> None:
    """So that each name of the catalogue is one of the kinds, but for depth and width."""

    def kind_of(name: str) -> tuple[object, ...]:
        arch = ARCHS[name]
        widths = tuple((conv.kernel, conv.groups > 1) for conv in arch.block.convs)
        shortcut = getattr(arch.block.shortcut, "func", arch.block.shortcut)
        part = (shortcut, arch.block.merge, arch.block.attention, arch.block.conv, arch.block.blur)
        return (*part, widths, arch.block.stride_at, arch.stem, arch.stride, arch.unit)

    kinds = {kind_of(name) for name in (*KINDS, *SMALL_KINDS)}
    assert not [name for name in ARCHS if kind_of(name) not in kinds]


@each_kind
def test_contract(name: str) -> None:
    net = small(name)
    net.freeze(["layer2"])
    check_backbone(net)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("norm", [group_norm, FrozenNorm])
def test_contract_with_other_norms(name: str, norm: type[nn.Module]) -> None:
    check_backbone(ResNet(thin(name), norm=norm, in_channels=1), in_channels=1)


@pytest.mark.parametrize("name", KINDS)
@each_output_stride
def test_contract_of_a_dense_network(name: str, output_stride: int) -> None:
    net = small(name, output_stride=output_stride)
    strides = [spec.stride for spec in net.features.values()]
    assert strides == [min(stride, output_stride) for stride in (4, 8, 16, 32)]
    check_backbone(net)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in GATED])
@each_output_stride
def test_a_dense_network_holds_the_strided_one(name: str, output_stride: int) -> None:
    strided, dense = small(name).eval(), small(name, output_stride=output_stride).eval()
    x = pixels(1, 3, 65, 129)
    with torch.no_grad():
        wanted, maps = strided(x), dense(x)
    for key, (_, stride) in dense.features.items():
        step = strided.features[key].stride // stride
        torch.testing.assert_close(maps[key][..., ::step, ::step], wanted[key])


@pytest.mark.parametrize("name", [*KINDS, *SMALL_KINDS])
def test_folded_norms_compute_the_same(name: str) -> None:
    batch, frozen = small(name).eval(), small(name, norm=FrozenNorm)
    frozen.load_state_dict(batch.state_dict())
    x = pixels(1, 3, 64, 64)
    with torch.no_grad():
        for one, other in zip(batch(x).values(), frozen(x).values(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["preresnet18", "preresnet50", "cifar_preresnet164"])
def test_a_last_norm_closes_what_units_leave_open(name: str) -> None:
    net, x = small(name).eval(), pixels(1, 3, 64, 64)
    *others, last = net(x).values()
    assert float(last.detach().amin()) == 0
    assert all(float(y.detach().amin()) < 0 for y in others)
    net.freeze([net.stages[-1]])
    assert not net.get_submodule("norm").get_parameter("weight").requires_grad


def convolutions(net: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    yield from ((n, m) for n, m in net.named_modules() if isinstance(m, nn.Conv2d))


@pytest.mark.parametrize(
    "name", ["preresnet18", "seresnet18", "cifar_highway20", "cifar_resnet56", "vgg16_bn"]
)
def test_initial_weights_follow_he(name: str) -> None:
    """Variance 2 / (outputs * k * k), He et al. 2015 (arXiv:1502.01852), mode fan-out; biases are 0."""
    torch.manual_seed(0)
    for key, conv in convolutions(make_network(name)):
        wanted = (2 / (conv.out_channels * conv.kernel_size[0] ** 2)) ** 0.5
        if conv.weight.numel() > 2000:
            assert float(conv.weight.detach().std()) == pytest.approx(wanted, rel=0.1)
        if conv.bias is not None:
            assert set(conv.bias.tolist()) == {-3.0 if "gate" in key else 0.0}


def test_dense_beyond_the_output_stride_of_a_small_network_is_nothing() -> None:
    one, other = small("cifar_resnet20"), small("cifar_resnet20", output_stride=8)
    assert one.features == other.features


def test_names_make_what_they_say() -> None:
    with torch.device("meta"):
        kinds = {
            "preresnet50": PreUnit,
            "seresnet50": SqueezeExcite,
            "ecaresnet50d": EfficientAttention,
            "resnet50_ws": StandardisedConv,
        }
        for name, kind in kinds.items():
            assert any(isinstance(module, kind) for module in make_network(name).modules())
        assert isinstance(make_network("vgg19"), VGG)
    assert [name for name in NAMES if not has_norms(name)] == ["vgg16", "vgg19"]


def test_what_has_no_units_drops_none() -> None:
    with pytest.raises(ValueError, match=r"name=vgg16 has no residual units to drop; set model"):
        make_network("vgg16", drop=Drop(path=0.1))


def test_a_thousand_layers_learn_and_come_back_from_a_file(tmp_path: Path) -> None:
    """One step of the 1202 layers, most of whose activations are not kept."""
    torch.manual_seed(0)
    net = make_network("cifar_resnet1202", checkpointed=("layer1", "layer2", "layer3"))
    before = net.get_parameter("layer1.0.conv1.weight").detach().clone()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    x: Tensor = pixels(2, 3, 8, 8).float()
    net(x)["c2"].square().mean().backward()
    optimizer.step()
    assert not torch.equal(net.get_parameter("layer1.0.conv1.weight"), before)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    save_file(net.state_dict(), tmp_path / "body.safetensors", {"arch": "cifar_resnet1202"})
    state = read_backbone(tmp_path / "body.safetensors", "cifar_resnet1202")
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


def test_a_backbone_draws_nothing_unless_it_says_so() -> None:
    assert not Backbone.draws


@pytest.mark.parametrize(
    ("name", "thin", "named"),
    [
        ("cifar_resnet20", [8, 16, 32], [16, 32, 64]),
        ("vgg16", [32, 64, 64, 64], [256, 512, 512, 512]),
    ],
)
def test_a_network_can_be_thinner(name: str, thin: list[int], named: list[int]) -> None:
    for width, channels in ((8, thin), (None, named)):
        with torch.device("meta"):
            net = make_network(name, width=width)
        assert [spec.channels for spec in net.features.values()] == channels
