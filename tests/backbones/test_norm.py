"""Norms: the frozen one equals batch normalisation in evaluation, folded or not."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from backbones.norm import ConvNorm, EvalNorm, FrozenNorm, conv_norm, group_norm, make_norm
from backbones.sync_norm import SyncNorm

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def seeded() -> None:
    torch.manual_seed(0)


def filled(norm: nn.Module) -> nn.Module:
    """The norm in float64 with statistics and affine unlike the initial ones."""
    for name, tensor in norm.double().state_dict().items():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 2) if name in {"weight", "running_var"} else tensor.normal_()
    return norm


def frozen_like(norm: nn.Module, *, eps: float = 1e-5) -> FrozenNorm:
    frozen = FrozenNorm(len(norm.state_dict()["weight"]), eps=eps).double()
    frozen.load_state_dict(norm.state_dict())
    return frozen


@pytest.mark.parametrize("eps", [1e-5, 0.0, 0.1])
def test_frozen_equals_batch_norm_in_evaluation(eps: float) -> None:
    batch = filled(nn.BatchNorm2d(7, eps=eps)).eval()
    x = torch.randn(2, 7, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(frozen_like(batch, eps=eps)(x), batch(x), rtol=1e-13, atol=1e-13)


def test_frozen_has_the_state_of_torchvision() -> None:
    theirs = filled(FrozenBatchNorm2d(7))
    ours = frozen_like(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = torch.randn(2, 7, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("train", [True, False])
def test_eval_is_batch_norm_in_evaluation_in_any_mode(train: bool) -> None:
    """Values and gradients, folded or not; the statistics stay where they are."""
    conv, batch = convolutions()[0].double(), filled(nn.BatchNorm2d(8)).eval()
    norm = EvalNorm(8).double().train(train)
    norm.load_state_dict(batch.state_dict())
    x = torch.randn(2, 6, 9, 7, dtype=torch.float64, requires_grad=True)
    expected = batch(conv(x))
    wanted = [conv.weight, x, batch.weight, batch.bias]
    theirs = torch.autograd.grad(expected.square().sum(), wanted)

    for actual in (norm(conv(x)), conv_norm(x, conv, norm)):
        torch.testing.assert_close(actual, expected, rtol=1e-13, atol=1e-13)
        ours = torch.autograd.grad(
            actual.square().sum(), [conv.weight, x, norm.weight, norm.bias], retain_graph=True
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-11)
    for name in ("running_mean", "running_var"):
        assert torch.equal(getattr(norm, name), getattr(batch, name))


def test_eval_trains_its_affine_only_and_has_the_state_of_frozen() -> None:
    norm = EvalNorm(4)
    assert [name for name, _ in norm.named_parameters()] == ["weight", "bias"]
    assert list(norm.state_dict()) == list(FrozenNorm(4).state_dict())


def test_frozen_has_nothing_to_train_and_ignores_the_counter_of_batches() -> None:
    batch = nn.BatchNorm2d(4)
    assert "num_batches_tracked" in batch.state_dict()
    module = nn.Sequential(FrozenNorm(4))
    module.load_state_dict({f"0.{key}": value for key, value in batch.state_dict().items()})
    assert list(module.parameters()) == []
    assert repr(FrozenNorm(4, eps=0.5)) == "FrozenNorm(4, eps=0.5)"


def convolutions() -> list[nn.Conv2d]:
    return [
        nn.Conv2d(6, 8, 3, 2, 1, bias=False),
        nn.Conv2d(6, 8, 1, bias=False),
        nn.Conv2d(6, 8, 3, padding=2, dilation=2, groups=2, bias=False),
    ]


@pytest.mark.parametrize("index", range(3))
def test_folding_keeps_values_and_gradients(index: int) -> None:
    conv, norm = convolutions()[index].double(), filled(FrozenNorm(8))
    x = torch.randn(2, 6, 9, 7, dtype=torch.float64, requires_grad=True)
    plain, folded = norm(conv(x)), conv_norm(x, conv, norm)
    torch.testing.assert_close(folded, plain, rtol=1e-13, atol=1e-13)
    for ours, theirs in zip(gradients(folded, conv, x), gradients(plain, conv, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-11)


def gradients(y: Tensor, conv: nn.Conv2d, x: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(y.square().sum(), (conv.weight, x))


@pytest.mark.parametrize("name", ["batch", "group"])
def test_other_norms_follow_the_convolution(name: str) -> None:
    conv, norm = convolutions()[0], make_norm(name)(8)
    x = torch.randn(2, 6, 9, 7)
    assert torch.equal(ConvNorm(conv, norm)(x), norm(conv(x)))


def test_folding_works_under_autocast() -> None:
    conv, norm = convolutions()[0], filled(FrozenNorm(8)).float()
    x = torch.randn(2, 6, 9, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = conv_norm(x, conv, norm)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), norm(conv(x)), rtol=0.05, atol=0.05)
    torch.autograd.backward(y.float().sum())
    assert conv.weight.grad is not None
    assert conv.weight.grad.dtype == torch.float32


def test_folding_keeps_the_memory_format() -> None:
    conv = convolutions()[0].to(memory_format=torch.channels_last)
    x = torch.randn(2, 6, 9, 7).contiguous(memory_format=torch.channels_last)
    assert conv_norm(x, conv, FrozenNorm(8)).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("channels", "groups"), [(64, 32), (256, 32), (48, 24), (20, 20), (8, 8), (37, 1)]
)
def test_groups_divide_the_channels(channels: int, groups: int) -> None:
    assert group_norm(channels).num_groups == groups


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("frozen", FrozenNorm),
        ("eval", EvalNorm),
        ("batch", nn.BatchNorm2d),
        ("sync", SyncNorm),
        ("group", nn.GroupNorm),
    ],
)
def test_names_make_norms_with_their_epsilon(name: str, kind: type[nn.Module]) -> None:
    norm = make_norm(name, 1e-3)(32)
    assert isinstance(norm, kind)
    assert norm.eps == pytest.approx(1e-3)
