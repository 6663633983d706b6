"""The pyramid: equal to torchvision's, and a backbone like any other."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from backbones.base import FeatureSpec
from backbones.blocks import Block
from backbones.catalogue import ARCHS, BASIC, BOTTLENECK
from backbones.fpn import FeaturePyramid, PyramidBackbone
from backbones.norm import FrozenNorm, group_norm
from backbones.resnet import Arch, ResNet
from tests.contracts import check_backbone, pixels, weighted_sum

SPECS = {f"c{n + 2}": FeatureSpec(4 << n, 4 << n) for n in range(4)}
SIZES = [(25, 17), (13, 9), (7, 5), (4, 3)]


def small(block: Block, *, norm: type[nn.Module] | None = None) -> PyramidBackbone:
    torch.manual_seed(0)
    body = ResNet(Arch((1, 1, 1, 1), block, width=8), norm=FrozenNorm)
    body.freeze(["stem", "layer1"])
    return PyramidBackbone(body, FeaturePyramid(body.features, channels=16, norm=norm))


def gradients(net: nn.Module) -> list[Tensor]:
    return [p.grad for p in net.parameters() if p.grad is not None]


@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d])
def test_equals_torchvision(norm: type[nn.Module] | None) -> None:
    torch.manual_seed(0)
    channels = [spec.channels for spec in SPECS.values()]
    theirs = FeaturePyramidNetwork(channels, 16, LastLevelMaxPool(), norm).double()
    ours = FeaturePyramid(SPECS, channels=16, norm=norm).double()
    ours.load_state_dict(theirs.state_dict())
    maps = {
        name: pixels(2, spec.channels, *size)
        for (name, spec), size in zip(SPECS.items(), SIZES, strict=True)
    }
    pairs = list(zip(ours(maps).items(), theirs(maps).values(), strict=True))
    assert [name for (name, _), _ in pairs] == ["p2", "p3", "p4", "p5", "p6"]
    for (_, level), wanted in pairs:
        torch.testing.assert_close(level, wanted, rtol=1e-12, atol=1e-12)
    for net in (ours, theirs):
        torch.autograd.backward(
            weighted_sum(dict(zip(ours.features, net(maps).values(), strict=True)))
        )
    torch.testing.assert_close(gradients(ours), gradients(theirs), rtol=1e-10, atol=1e-10)


def test_initial_weights_are_uniform_and_biases_zero() -> None:
    torch.manual_seed(0)
    fpn = FeaturePyramid(SPECS, channels=64)
    for conv in (m for m in fpn.modules() if isinstance(m, nn.Conv2d)):
        bound = (3 / conv.weight[0].numel()) ** 0.5
        assert 0.9 * bound < float(conv.weight.detach().abs().max()) <= bound
        assert conv.bias is not None
        assert not conv.bias.any()


@pytest.mark.parametrize("norm", [None, group_norm])
@pytest.mark.parametrize("block", [BASIC, BOTTLENECK])
def test_contract(block: Block, norm: type[nn.Module] | None) -> None:
    backbone = small(block, norm=norm)
    check_backbone(backbone)


def test_levels_have_the_declared_strides() -> None:
    features = small(BASIC).features
    assert features == {f"p{n}": FeatureSpec(16, 2**n) for n in range(2, 7)}


def test_parameters_of_the_detectors_body() -> None:
    """ResNet-50 with frozen norms and 256 channels, as torchvision's detector has it."""
    with torch.device("meta"):
        body = ResNet(ARCHS["resnet50"], norm=FrozenNorm)
        backbone = PyramidBackbone(body, FeaturePyramid(body.features))
    norms = sum(b.numel() for n, b in backbone.named_buffers() if n.endswith(("weight", "bias")))
    assert sum(p.numel() for p in backbone.parameters()) + norms == 26_852_416


def test_compiles_as_one_graph() -> None:
    backbone = small(BOTTLENECK).double()
    x = pixels(2, 3, 64, 96)
    torch.autograd.backward(weighted_sum(backbone(x)))
    eager = gradients(backbone)
    backbone.zero_grad()
    torch.autograd.backward(
        weighted_sum(torch.compile(backbone, backend="aot_eager", fullgraph=True)(x))
    )
    torch.testing.assert_close(gradients(backbone), eager)


def test_exports_with_any_size() -> None:
    """Height and width of the canvas stay free, in multiples of 32 from 96: two cells of p6."""
    backbone = small(BASIC).eval()
    height, width = (32 * torch.export.Dim(name, min=1, max=64) for name in ("h", "w"))
    program = torch.export.export(
        backbone, (torch.zeros(1, 3, 128, 192),), dynamic_shapes=({2: height, 3: width},)
    ).module()
    for size in ((160, 96), (96, 320)):
        x = pixels(1, 3, *size).float()
        assert all(torch.equal(program(x)[n], y) for n, y in backbone(x).items())


def test_maps_that_do_not_halve_are_refused() -> None:
    body = ResNet(Arch((1, 1, 1, 1), BASIC, width=8), output_stride=16)
    with pytest.raises(ValueError, match=r"strides \[4, 8, 16, 16\]; set model\.backbone\.output"):
        FeaturePyramid(body.features)
