"""The network: equal to torchvision's, freezing, checkpointing, compilers."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter

from backbones.blocks import Block, Conv
from backbones.catalogue import ARCHS, BASIC, BOTTLENECK, BOTTLENECK_V1
from backbones.norm import FrozenNorm, group_norm
from backbones.resnet import Arch, ResNet
from tests.contracts import check_backbone, pixels, weighted_sum

SMALL = Arch((1, 2, 1, 1), BOTTLENECK, width=8)


def small(stem: tuple[int, ...] = (7,), **kwargs: Any) -> ResNet:
    torch.manual_seed(0)
    return ResNet(replace(SMALL, stem=stem), **kwargs).double()


def randomise_norms(net: nn.Module) -> None:
    for key, value in net.state_dict().items():
        if "running_mean" in key or key.endswith(("bn1.bias", "bn2.bias")):
            value.normal_(std=0.3)
        elif "running_var" in key:
            value.uniform_(0.5, 2)


def close(ours: dict[str, Tensor], theirs: dict[str, Tensor], *, tolerance: float) -> bool:
    return list(ours) == list(theirs) and all(
        (ours[name] - theirs[name]).abs().max() <= tolerance * theirs[name].abs().max()
        for name in theirs
    )


@pytest.mark.parametrize(
    ("name", "norm"),
    [
        ("resnet18", FrozenNorm),
        ("resnet18", nn.BatchNorm2d),
        ("resnet34", FrozenNorm),
        ("resnet50", FrozenNorm),
        ("resnet50", nn.BatchNorm2d),
        ("resnet101", FrozenNorm),
        pytest.param("resnet152", FrozenNorm, marks=pytest.mark.slow),
    ],
)
def test_equals_torchvision(name: str, norm: type[nn.Module]) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name).double().eval()
    randomise_norms(theirs)
    with torch.device("meta"):
        ours = ResNet(ARCHS[name], norm=norm).eval()
    rest = ours.load_state_dict(theirs.state_dict(), strict=False, assign=True)
    assert rest.missing_keys == []
    assert rest.unexpected_keys == ["fc.weight", "fc.bias"]
    getter = IntermediateLayerGetter(theirs, {f"layer{n}": f"c{n + 1}" for n in range(1, 5)})
    x = pixels(1, 3, 65, 33)
    with torch.no_grad():
        assert close(ours(x), getter(x), tolerance=1e-12)


@pytest.mark.parametrize("norm", [FrozenNorm, nn.BatchNorm2d])
def test_a_deep_stem_is_three_convolutions_in_place_of_one(norm: type[nn.Module]) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18()
    conv = partial(nn.Conv2d, kernel_size=3, padding=1, bias=False)
    theirs.conv1 = nn.Sequential(
        *(conv(3, 32, stride=2), nn.BatchNorm2d(32), nn.ReLU()),
        *(conv(32, 32), nn.BatchNorm2d(32), nn.ReLU()),
        conv(32, 64),
    )
    theirs = theirs.double().eval()
    randomise_norms(theirs)
    with torch.device("meta"):
        ours = ResNet(ARCHS["resnet18c"], norm=norm).eval()
    assert not ours.load_state_dict(theirs.state_dict(), strict=False, assign=True).missing_keys
    getter = IntermediateLayerGetter(theirs, {f"layer{n}": f"c{n + 1}" for n in range(1, 5)})
    x = pixels(1, 3, 65, 33)
    with torch.no_grad():
        assert close(ours(x), getter(x), tolerance=1e-12)


def test_contract_of_a_deep_stem() -> None:
    net = small((3, 3, 3), norm=group_norm, in_channels=2)
    net.freeze(["layer1"])
    check_backbone(net, in_channels=2)


@pytest.mark.parametrize(("output_stride", "dilated"), [(8, [0, 1, 1]), (16, [0, 0, 1])])
def test_dilated_network_equals_torchvisions(output_stride: int, dilated: list[int]) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet50(replace_stride_with_dilation=dilated).double().eval()
    randomise_norms(theirs)
    with torch.device("meta"):
        ours = ResNet(ARCHS["resnet50"], norm=FrozenNorm, output_stride=output_stride).eval()
    assert not ours.load_state_dict(theirs.state_dict(), strict=False, assign=True).missing_keys
    getter = IntermediateLayerGetter(theirs, {f"layer{n}": f"c{n + 1}" for n in range(1, 5)})
    x = pixels(1, 3, 65, 33)
    with torch.no_grad():
        assert close(ours(x), getter(x), tolerance=1e-12)


def dilated_net(block: Block, output_stride: int) -> ResNet:
    """Always the same weights, and statistics that a folded norm cannot ignore."""
    torch.manual_seed(0)
    arch = Arch((1, 1, 2, 2), block, width=8)
    net = ResNet(arch, norm=FrozenNorm, output_stride=output_stride).double()
    randomise_norms(net)
    return net


in_all_blocks = pytest.mark.parametrize("block", [BASIC, BOTTLENECK, BOTTLENECK_V1])


@in_all_blocks
@pytest.mark.parametrize("output_stride", [8, 16])
def test_a_dense_map_holds_the_strided_one(block: Block, output_stride: int) -> None:
    strided, dense = dilated_net(block, 32), dilated_net(block, output_stride)
    x = pixels(1, 3, 65, 130)
    with torch.no_grad():
        wanted, maps = strided(x), dense(x)
    for name, (_, stride) in dense.features.items():
        step = strided.features[name].stride // stride
        maps[name] = maps[name][..., ::step, ::step]
    assert close(maps, wanted, tolerance=1e-12)


@in_all_blocks
@pytest.mark.parametrize("output_stride", [8, 16])
def test_contract_of_a_dense_network(block: Block, output_stride: int) -> None:
    net = dilated_net(block, output_stride)
    strides = [spec.stride for spec in net.features.values()]
    assert strides == [min(stride, output_stride) for stride in (4, 8, 16, 32)]
    check_backbone(net)


def test_another_output_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="output_stride=4: it is 8, 16 or 32"):
        small(output_stride=4)


def test_the_stride_place_changes_the_function_alone() -> None:
    torch.manual_seed(0)
    late, early = (ResNet(ARCHS[name]).double().eval() for name in ("resnet50", "resnet50_v1"))
    early.load_state_dict(late.state_dict())
    x = pixels(1, 3, 64, 64)
    with torch.no_grad():
        maps, others = late(x), early(x)
    assert torch.equal(maps["c2"], others["c2"])
    assert maps["c5"].shape == others["c5"].shape
    assert not torch.equal(maps["c3"], others["c3"])


@pytest.mark.parametrize("norm", [FrozenNorm, nn.BatchNorm2d, group_norm])
@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_contract(norm: Callable[[int], nn.Module], in_channels: int) -> None:
    net = small(in_channels=in_channels, norm=norm)
    net.freeze(["stem", "layer2"])
    check_backbone(net, in_channels=in_channels)


def test_contract_of_a_basic_network() -> None:
    torch.manual_seed(0)
    check_backbone(ResNet(Arch((1, 1, 1, 1), BASIC, width=8)))


def test_other_depths_and_blocks_are_values() -> None:
    block = Block((Conv(3, width=2), Conv(3)), stride_at=1, shortcut=BASIC.shortcut)
    net = ResNet(Arch((1, 1), block, width=4))
    assert list(net.features) == ["c2", "c3"]
    check_backbone(net)


def test_freezing_stops_gradients_and_statistics() -> None:
    net = small()
    net.freeze(["stem", "layer2"])
    before = {key: value.clone() for key, value in net.state_dict().items()}
    torch.autograd.backward(weighted_sum(net.train()(pixels(2, 3, 64, 64))))
    changed = {
        key for key, value in net.state_dict().items() if not torch.equal(value, before[key])
    }
    frozen = ("conv1.", "bn1.", "layer2.")
    assert changed == {
        key for key in before if "running_" in key or "tracked" in key if not key.startswith(frozen)
    }
    assert {n for n, p in net.named_parameters() if not p.requires_grad} == {
        n for n, _ in net.named_parameters() if n.startswith(frozen)
    }


def test_frozen_stages_stay_in_evaluation_while_the_others_switch() -> None:
    net = small()
    net.freeze(["layer1"])
    net.freeze(["layer3"])
    for mode in (False, True):
        modes = {name: module.training for name, module in net.train(mode).named_modules()}
        assert modes["layer2.0.bn1"] is modes["bn1"] is mode
        assert not modes["layer1.0.bn1"]
        assert not modes["layer3.0.bn1"]


def test_an_unknown_stage_is_named() -> None:
    with pytest.raises(ValueError, match=r"no such stage: layer5; the stages are stem, layer1"):
        small().freeze(["layer5"])


def step(net: ResNet, x: Tensor) -> dict[str, Tensor]:
    """Gradients and state after one forward and backward pass in training."""
    torch.autograd.backward(weighted_sum(net.train()(x)))
    return gradients(net) | net.state_dict()


def gradients(net: nn.Module) -> dict[str, Tensor]:
    return {f"{n}.grad": p.grad for n, p in net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("norm", [FrozenNorm, nn.BatchNorm2d, group_norm])
def test_checkpointing_changes_no_gradient_and_no_statistic(norm: type[nn.Module]) -> None:
    x = pixels(2, 3, 64, 64)
    plain = step(small(norm=norm), x)
    checkpointed = step(small(norm=norm, checkpointed=["stem", "layer2", "layer4"]), x)
    assert list(plain) == list(checkpointed)
    assert all(torch.equal(plain[key], checkpointed[key]) for key in plain)


def test_checkpointing_keeps_less_for_the_backward_pass() -> None:
    def kept(net: ResNet) -> int:
        sizes: list[int] = []

        def count(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            net.train()(pixels(1, 3, 64, 64))
        return sum(sizes)

    assert kept(small(checkpointed=["stem", "layer1", "layer2"])) < 0.6 * kept(small())


def test_gradients_equal_torchvisions() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18().double()
    ours = ResNet(ARCHS["resnet18"]).double()
    ours.load_state_dict(theirs.state_dict(), strict=False)
    getter = IntermediateLayerGetter(theirs, {f"layer{n}": f"c{n + 1}" for n in range(1, 5)})
    x = pixels(2, 3, 64, 64)
    for net in (ours, getter):
        torch.autograd.backward(weighted_sum(net.train()(x)))
    assert close(gradients(ours), gradients(getter), tolerance=1e-10)


@pytest.mark.parametrize("stem", [pytest.param((7,), marks=pytest.mark.slow), (3, 3, 3)])
def test_compiles_as_one_graph_with_checkpoints(stem: tuple[int, ...]) -> None:
    def make() -> ResNet:
        torch.manual_seed(0)
        arch = Arch((1, 1), BOTTLENECK, width=8, stem=stem)
        return ResNet(arch, checkpointed=["layer2"]).double()

    x = pixels(2, 3, 64, 64)
    eager, net = step(make(), x), make()
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    torch.autograd.backward(weighted_sum(compiled(x)))
    torch.testing.assert_close(gradients(net) | net.state_dict(), eager)


def test_bfloat16_autocast_stays_close() -> None:
    net = small(norm=FrozenNorm).float().eval()
    x = pixels(1, 3, 64, 64).float()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        low = net(x)
    with torch.no_grad():
        assert close({n: y.float() for n, y in low.items()}, net(x), tolerance=0.05)
    assert all(y.dtype == torch.bfloat16 for y in low.values())


def test_initial_weights_follow_he() -> None:
    """Variance 2 / (outputs * k * k), He et al. 2015 (arXiv:1502.01852), mode fan-out."""
    torch.manual_seed(0)
    net = ResNet(ARCHS["resnet18"])
    for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
        wanted = (2 / (conv.out_channels * conv.kernel_size[0] ** 2)) ** 0.5
        assert float(conv.weight.detach().std()) == pytest.approx(wanted, rel=0.1)
