"""A stem for other channels sees what the old one saw."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from backbones.catalogue import BASIC
from backbones.input_channels import (
    INPUT_RULES,
    InputRule,
    Stem,
    fold_channels,
    refit_stem,
    repeat_channels,
)
from backbones.network import make_network
from backbones.norm import FrozenNorm
from backbones.pixels import PixelNorm
from backbones.resnet import Arch, ResNet
from lumbar.ops.structures import Images

ARCH = Arch((1,), BASIC, width=8)


def network(channels: int) -> ResNet:
    """Always the same for the same channels, with statistics that matter."""
    torch.manual_seed(0)
    net = ResNet(ARCH, in_channels=channels, norm=FrozenNorm).eval()
    for key, value in net.state_dict().items():
        if "running_mean" in key:
            value.normal_()
        elif "running_var" in key:
            value.uniform_(0.5, 2)
    return net


def adapted(rgb: ResNet, new: PixelNorm, rule: InputRule = fold_channels) -> ResNet:
    """The same network behind `new`."""
    state = rgb.state_dict()
    stem = Stem(state["conv1.weight"], state["bn1.running_mean"])
    weight, mean = rule(stem, PixelNorm.of_imagenet(), new)
    net = network(len(new.mean))
    net.load_state_dict(state | {"conv1.weight": weight, "bn1.running_mean": mean})
    return net


def photograph(channels: int) -> Tensor:
    """(2, channels, 64, 96) in 0 to 255."""
    return torch.randint(256, (2, channels, 64, 96)).float()


@torch.no_grad()
def inner_features(net: ResNet, pixels: PixelNorm, canvas: Tensor) -> Tensor:
    """c2 without the cells that see the border."""
    sizes = torch.tensor([canvas.shape[-2:]] * len(canvas))
    maps: dict[str, Tensor] = net(pixels(Images(canvas, sizes, sizes)))
    return maps["c2"][..., 4:-4, 4:-4]


def difference(one: Tensor, other: Tensor) -> float:
    """Largest, in units of the largest value."""
    return float((one - other).abs().max() / other.abs().max())


def test_a_grey_image_has_the_features_of_its_three_copies() -> None:
    rgb, grey = network(3), photograph(1)
    new = PixelNorm.of_imagenet(1)
    wanted = inner_features(rgb, PixelNorm.of_imagenet(), grey.expand(-1, 3, -1, -1))

    assert difference(inner_features(adapted(rgb, new), new, grey), wanted) < 1e-5


def test_a_sum_of_the_colours_has_not() -> None:
    rgb, grey = network(3), photograph(1)
    new = PixelNorm.of_imagenet(1)
    wanted = inner_features(rgb, PixelNorm.of_imagenet(), grey.expand(-1, 3, -1, -1))

    summed = adapted(rgb, new, repeat_channels)

    assert difference(inner_features(summed, new, grey), wanted) > 0.01


@pytest.mark.parametrize(
    "seen_by_colours",
    [
        pytest.param([[0], [1], [0]], id="two"),
        pytest.param([[0, 3], [1], [2]], id="four"),
        pytest.param([[0, 3], [1, 4], [2]], id="five"),
    ],
)
def test_each_colour_sees_the_mean_of_its_channels(seen_by_colours: list[list[int]]) -> None:
    channels = 1 + max(channel for seen in seen_by_colours for channel in seen)
    rgb, many = network(3), photograph(channels)
    new = PixelNorm(torch.linspace(50, 180, channels).tolist(), [40.0] * channels)
    mixed = torch.stack([many[:, seen].mean(1) for seen in seen_by_colours], 1)
    wanted = inner_features(rgb, PixelNorm.of_imagenet(), mixed)

    assert difference(inner_features(adapted(rgb, new), new, many), wanted) < 1e-5


def test_other_statistics_of_the_same_channels_change_nothing() -> None:
    rgb, colours = network(3), photograph(3)
    new = PixelNorm([0.0] * 3, [1.0, 2.0, 255.0])
    wanted = inner_features(rgb, PixelNorm.of_imagenet(), colours)

    assert difference(inner_features(adapted(rgb, new), new, colours), wanted) < 1e-5


def test_the_old_stem_stays_as_it_was() -> None:
    stem = Stem(torch.randn(4, 3, 7, 7, dtype=torch.float16), torch.randn(4))
    before = Stem(*(field.clone() for field in stem))

    same = fold_channels(stem, PixelNorm.of_imagenet(), PixelNorm.of_imagenet())
    other = fold_channels(stem, PixelNorm.of_imagenet(), PixelNorm.of_imagenet(1))

    for one, two in ((stem, before), (same, before)):
        assert all(torch.equal(*pair) for pair in zip(one, two, strict=True))
    assert [field.dtype for field in other] == [torch.float16, torch.float32]


@given(channels=st.sampled_from([1, 3, 6, 9, 12]))
def test_by_timms_rule_copies_of_normalised_grey_are_seen_alike(channels: int) -> None:
    generator = torch.Generator().manual_seed(channels)
    stem = Stem(torch.randn(4, 3, 3, 3, generator=generator, dtype=torch.float64), torch.ones(4))
    grey = torch.randn(1, 1, 8, 8, generator=generator, dtype=torch.float64)
    wanted = nn.functional.conv2d(grey.expand(-1, 3, -1, -1), stem.weight)

    new = repeat_channels(stem, PixelNorm.of_imagenet(), PixelNorm.of_imagenet(channels))

    actual = nn.functional.conv2d(grey.expand(-1, channels, -1, -1), new.weight)
    torch.testing.assert_close(actual, wanted)
    assert new.running_mean is stem.running_mean


def test_timms_rule_takes_the_colours_in_turn() -> None:
    weight = torch.randn(4, 3, 7, 7)
    new = repeat_channels(
        Stem(weight, torch.zeros(4)), PixelNorm.of_imagenet(), PixelNorm.of_imagenet(5)
    )
    torch.testing.assert_close(new.weight, 0.6 * weight[:, [0, 1, 2, 0, 1]])


def states(prefix: str, *, stem: tuple[int, ...] = (7,)) -> tuple[dict[str, Tensor], ...]:
    """Of the same network for three channels and for two, inside a model."""
    arch = Arch((1,), BASIC, width=8, stem=stem)
    nets = [ResNet(arch, in_channels=channels, norm=FrozenNorm) for channels in (3, 2)]
    return tuple({prefix + k: v for k, v in net.state_dict().items()} for net in nets)


@pytest.mark.parametrize("rule", INPUT_RULES)
@pytest.mark.parametrize("prefix", ["", "body.", "backbone.", "backbone.body."])
@pytest.mark.parametrize(
    ("stem", "names"),
    [
        ((7,), ("conv1.weight", "bn1.running_mean")),
        ((3, 3, 3), ("conv1.0.weight", "conv1.1.running_mean")),
    ],
)
def test_the_stem_is_found_wherever_it_is(
    rule: str, prefix: str, stem: tuple[int, ...], names: tuple[str, str]
) -> None:
    state, own = states(prefix, stem=stem)
    conv, mean = (prefix + name for name in names)

    changed = refit_stem(state, own, INPUT_RULES[rule])

    old, new = PixelNorm.of_imagenet(3), PixelNorm.of_imagenet(2)
    wanted = INPUT_RULES[rule](Stem(state[conv], state[mean]), old, new)
    assert changed.keys() == ({conv, mean} if rule == "fold" else {conv})
    assert torch.equal(changed[conv], wanted.weight)
    assert torch.equal(changed.get(mean, state[mean]), wanted.running_mean)
    assert changed[conv].shape == own[conv].shape


def test_a_whole_model_says_what_its_pixels_were() -> None:
    (state, own), pixels = states("backbone."), PixelNorm([10.0, 20.0, 30.0], [5.0, 6.0, 7.0])
    others = PixelNorm([100.0, 90.0], [50.0, 60.0])
    state |= {"pixels.mean": pixels.mean, "pixels.std": pixels.std}
    own |= {"pixels.mean": others.mean, "pixels.std": others.std}

    changed = refit_stem(state, own, fold_channels)

    stem = Stem(state["backbone.conv1.weight"], state["backbone.bn1.running_mean"])
    wanted = fold_channels(stem, pixels, others)
    assert torch.equal(changed["backbone.conv1.weight"], wanted.weight)
    assert torch.equal(changed["backbone.bn1.running_mean"], wanted.running_mean)
    assert torch.equal(changed["pixels.mean"], others.mean)
    assert torch.equal(changed["pixels.std"], others.std)


def test_only_what_is_there_is_changed() -> None:
    state, own = states("")
    grouped = {name: value for name, value in state.items() if "running_" not in name}
    assert refit_stem(grouped, own, fold_channels).keys() == {"conv1.weight"}


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="no stem"),
        pytest.param({"conv1.weight": torch.ones(8, 2, 7, 7)}, id="as many channels"),
        pytest.param({"conv1.weight": torch.ones(8, 3, 3, 3)}, id="another kernel"),
        pytest.param({"conv1.weight": torch.ones(8)}, id="no convolution"),
        pytest.param({"layer1.0.conv1.weight": torch.ones(8, 3, 3, 3)}, id="no stem but a stage"),
    ],
)
def test_nothing_else_is_taken_for_a_stem(state: dict[str, Tensor]) -> None:
    assert refit_stem(state, states("")[1], fold_channels) == {}


@pytest.mark.parametrize(
    ("name", "first", "moved"),
    [
        ("vgg16", "stem.0.conv1", "stem.0.conv1.bias"),
        ("vgg16_bn", "stem.0.conv1", "stem.0.conv1.bias"),
        ("preresnet50", "conv1", "layer1.0.bn1.running_mean"),
    ],
)
def test_a_grey_image_is_seen_as_its_three_copies_by_other_families(
    name: str, first: str, moved: str
) -> None:
    """Inside of the border, where zeros are no colour."""
    torch.manual_seed(0)
    colour, grey = (make_network(name, width=16, in_channels=n).double().eval() for n in (3, 1))
    state = colour.state_dict()
    changed = refit_stem(state, grey.state_dict(), INPUT_RULES["fold"])
    assert set(changed) == {f"{first}.weight", moved}
    grey.load_state_dict(state | changed)
    picture = torch.randint(256, (1, 1, 40, 40)).double()
    size = torch.tensor([[40, 40]])
    found = []
    for net, copies in ((colour, 3), (grey, 1)):
        pixels = PixelNorm.of_imagenet(copies).double()
        x = net.get_submodule(first)(pixels(Images(picture.expand(-1, copies, -1, -1), size, size)))
        shift = 0 if moved.endswith("bias") else net.get_buffer(moved)[:, None, None]
        found.append((x - shift)[..., 4:-4, 4:-4].detach())
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
