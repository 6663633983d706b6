"""What is dropped is a function of the seeds alone, at the rate that was asked for."""

from itertools import chain

import pytest
import torch
from torch import Tensor

from backbones.blocks import PreUnit
from backbones.catalogue import BASIC, BOTTLENECK, original, preactivated
from backbones.drop import ChannelDropout, Drop, Dropout, DropPath, decayed, unit_streams
from backbones.fpn import FeaturePyramid, PyramidBackbone
from backbones.resnet import Arch, ResNet
from tests.contracts import check_backbone, pixels, weighted_sum

SEEDS = torch.arange(4) * 1000
KINDS = (DropPath, ChannelDropout, Dropout)


def dropping_only(net: torch.nn.Module) -> None:
    """Norms as in evaluation, so that what differs was dropped."""
    for module in net.modules():
        module.training = not isinstance(module, torch.nn.BatchNorm2d)


def dropping(
    drop: Drop, depths: tuple[int, ...] = (1, 2, 1, 1), *, checkpointed: tuple[str, ...] = ()
) -> ResNet:
    torch.manual_seed(0)
    arch = Arch(depths, BASIC, width=8)
    return ResNet(arch, drop=drop, checkpointed=checkpointed).double()


@pytest.mark.parametrize("kind", KINDS)
def test_the_rate_is_kept_and_the_rest_made_larger(kind: type[DropPath]) -> None:
    x = torch.ones(4000, 1, 2, 2, dtype=torch.float64)
    y = kind(0.3, stream=5)(x, torch.arange(4000))
    assert sorted(set(y.flatten().tolist())) == pytest.approx([0, 1 / 0.7])
    assert float(y.mean()) == pytest.approx(1, abs=0.05)


def test_kinds_differ_in_what_they_drop_as_one() -> None:
    x, seeds = torch.ones(64, 8, 3, 3), torch.arange(64)
    path, channels, values = (kind(0.5, 0)(x, seeds) for kind in KINDS)
    for dropped, axis in ((path, 1), (channels, 2)):
        flat = dropped.flatten(axis)
        assert torch.equal(flat.amax(axis), flat.amin(axis))
    for dropped, axis in ((channels, 1), (values, 2)):
        flat = dropped.flatten(axis)
        assert not torch.equal(flat.amax(axis), flat.amin(axis))


def test_features_without_cells_are_dropped_one_by_one() -> None:
    y = Dropout(0.5, 0)(torch.ones(8, 100), torch.arange(8))
    assert y.shape == (8, 100)
    dropped = (y == 0).sum(1)
    assert dropped.min() > 20
    assert dropped.max() < 80


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_treated_alike_in_any_batch(kind: type[DropPath]) -> None:
    drop, x, seeds = kind(0.5, 3), torch.randn(8, 4, 3, 3), torch.arange(8) * 77
    together = drop(x, seeds)
    order = torch.tensor([5, 2, 7])
    assert torch.equal(drop(x[order], seeds[order]), together[order])
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(drop(last, seeds), together)


def test_units_and_kinds_draw_apart() -> None:
    x, seeds = torch.ones(256, 1, 1, 1), torch.arange(256)
    streams = [unit_streams(unit) for unit in range(3)]
    drawn = [DropPath(0.5, stream)(x, seeds) for stream in (0, 1, *chain(*streams))]
    for index, one in enumerate(drawn):
        assert all(float((one == other).float().mean()) < 0.7 for other in drawn[:index])


def test_the_rate_grows_with_depth() -> None:
    rates = [decayed(Drop(0.2, 0.1), unit, 4) for unit in range(4)]
    assert [rate.path for rate in rates] == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert {rate.inside for rate in rates} == {0.1}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_dropped_at_rate_zero_nor_without_seeds_nor_in_evaluation(
    kind: type[DropPath],
) -> None:
    x = torch.randn(2, 3, 4, 4)
    assert kind(0, 0)(x, SEEDS[:2]) is x
    assert kind(0.5, 0)(x, None) is x
    assert kind(0.5, 0).eval()(x, SEEDS[:2]) is x
    assert repr(DropPath(0.25, 0)) == "DropPath(0.25)"


def test_a_network_says_whether_it_draws_and_gets_seeds_only_then() -> None:
    net, other, x = dropping(Drop(path=0.5)), dropping(Drop()), pixels(4, 3, 32, 32)
    assert (net.draws, other.draws) == (True, False)
    dropping_only(net)
    assert torch.equal(net.maps(x, SEEDS)["c5"], net(x, SEEDS)["c5"])
    assert torch.equal(net.maps(x, None)["c5"], net(x)["c5"])
    assert torch.equal(other.eval().maps(x, SEEDS)["c5"], other(x)["c5"])


def test_stages_that_are_frozen_drop_nothing() -> None:
    net, x = dropping(Drop(inside=0.5)), pixels(4, 3, 32, 32)
    net.freeze(net.stages)
    assert torch.equal(net.train()(x, SEEDS)["c5"], net(x)["c5"])


@pytest.mark.parametrize("drop", [Drop(path=0.5), Drop(inside=0.5), Drop(0.5, 0.5)])
def test_seeds_decide(drop: Drop) -> None:
    net, x = dropping(drop), pixels(4, 3, 32, 32)
    dropping_only(net)
    once, again, other = net(x, SEEDS), net(x, SEEDS), net(x, SEEDS + 1)
    assert torch.equal(once["c5"], again["c5"])
    assert not torch.equal(once["c5"], other["c5"])
    assert not torch.equal(once["c5"], net(x)["c5"])
    check_backbone(net_without_drop := dropping(Drop()))
    assert net_without_drop.state_dict().keys() == net.state_dict().keys()


def test_a_dropped_branch_leaves_the_shortcut() -> None:
    block = preactivated(original(18))
    unit = PreUnit(4, width=4, stride=1, block=block, norm=torch.nn.BatchNorm2d, drop=Drop(0.5))
    unit = unit.double()
    dropping_only(unit)
    x, seeds = pixels(32, 4, 5, 5), torch.arange(32)
    same = (unit(x, seeds) == x).flatten(1).all(1)
    assert 5 < int(same.sum()) < 27
    left = x + 2 * (unit(x) - x)
    torch.testing.assert_close(unit(x, seeds)[~same], left[~same])


def gradients(net: ResNet, x: Tensor) -> dict[str, Tensor]:
    torch.autograd.backward(weighted_sum(net.train()(x, SEEDS)))
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


def test_recomputed_stages_draw_the_same() -> None:
    drop, x = Drop(0.3, 0.3), pixels(4, 3, 32, 32)
    plain = gradients(dropping(drop), x)
    again = gradients(dropping(drop, checkpointed=("stem", "layer2", "layer4")), x)
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_it_compiles_as_one_graph() -> None:
    drop, x = Drop(0.3, 0.3), pixels(4, 3, 32, 32)
    net, same = (dropping(drop, (1, 1)) for _ in range(2))
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, SEEDS)["c3"], same(x, SEEDS)["c3"])


def test_a_pyramid_passes_seeds_on() -> None:
    body = dropping(Drop(path=0.5))
    dropping_only(body)
    net = PyramidBackbone(body, FeaturePyramid(body.features, channels=8)).double()
    assert net.draws
    x = pixels(4, 3, 32, 32)
    assert torch.equal(net(x, SEEDS)["p5"], net.fpn(body(x, SEEDS))["p5"])


def test_bottlenecks_drop_before_their_last_convolution() -> None:
    torch.manual_seed(0)
    net = ResNet(Arch((1, 1), BOTTLENECK, width=8), drop=Drop(inside=0.5)).double()
    dropping_only(net)
    x = pixels(4, 3, 32, 32)
    assert not torch.equal(net(x, SEEDS)["c3"], net(x)["c3"])
