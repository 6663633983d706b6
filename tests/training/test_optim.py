"""Every trained parameter is in one group, with the learning rate and decay of its kind."""

from typing import Literal

import pytest
import torch
from torch import nn

from lumbar.training.config import OptimConfig
from lumbar.training.optim import build_optimizer, explain_lr, parameter_groups, scaled_lr


class Body(nn.Module):
    """A convolution and a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)


class Net(nn.Module):
    """Names as a detector has them."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict({"body": Body(), "fpn": nn.Conv2d(4, 4, 1)})
        self.head = nn.Sequential(nn.GroupNorm(2, 4), nn.Linear(4, 2))
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        body = self.backbone["body"]
        x = self.backbone["fpn"](body.norm(body.conv(x)))
        out: torch.Tensor = self.head(x.mean((2, 3)) * self.scale)
        return out


def settings_of(
    module: nn.Module, config: OptimConfig, lr: float
) -> dict[str, tuple[float, float]]:
    groups = parameter_groups(module, config, lr)
    found = {id(p): (g.lr, g.weight_decay) for g in groups for p in g.params}
    return {name: found[id(p)] for name, p in module.named_parameters() if id(p) in found}


CONFIG = OptimConfig(
    weight_decay=0.1, norm_weight_decay=0.2, bias_weight_decay=0.3, backbone_lr_factor=0.5
)


def test_each_parameter_has_the_settings_of_its_kind() -> None:
    assert settings_of(Net(), CONFIG, 8.0) == {
        "scale": (8.0, 0.2),
        "backbone.body.conv.weight": (4.0, 0.1),
        "backbone.body.conv.bias": (4.0, 0.3),
        "backbone.body.norm.weight": (4.0, 0.2),
        "backbone.body.norm.bias": (4.0, 0.2),
        "backbone.fpn.weight": (8.0, 0.1),
        "backbone.fpn.bias": (8.0, 0.3),
        "head.0.weight": (8.0, 0.2),
        "head.0.bias": (8.0, 0.2),
        "head.1.weight": (8.0, 0.1),
        "head.1.bias": (8.0, 0.3),
    }


def test_the_body_is_found_inside_a_module_that_holds_the_model() -> None:
    inside = settings_of(nn.ModuleDict({"model": Net()}), CONFIG, 8.0)

    assert inside == {
        f"model.{name}": both for name, both in settings_of(Net(), CONFIG, 8.0).items()
    }


def test_biases_decay_like_weights_unless_told_otherwise() -> None:
    found = settings_of(Net(), OptimConfig(weight_decay=0.1, norm_weight_decay=0.0), 1.0)

    assert found["head.1.bias"] == found["head.1.weight"] == (1.0, 0.1)
    assert found["head.0.bias"] == (1.0, 0.0)
    assert len(parameter_groups(Net(), OptimConfig(), 1.0)) == 2


def test_parts_have_factors_of_their_own_and_the_longest_name_counts() -> None:
    factors = {"head": 10.0, "head.0": 2.0, "backbone.body": 4.0, "sca": 7.0}
    config = CONFIG.model_copy(update={"lr_factors": factors})

    with pytest.raises(ValueError, match="has no sca; its parts are backbone, head, scale, and"):
        settings_of(Net(), config, 8.0)
    del factors["sca"]
    for module, prefix in ((Net(), ""), (nn.ModuleDict({"model": Net()}), "model.")):
        found = {name: lr for name, (lr, _) in settings_of(module, config, 8.0).items()}
        assert found[f"{prefix}scale"] == 8.0
        assert found[f"{prefix}head.0.weight"] == found[f"{prefix}head.0.bias"] == 16.0
        assert found[f"{prefix}head.1.weight"] == found[f"{prefix}head.1.bias"] == 80.0
        assert found[f"{prefix}backbone.body.conv.weight"] == 8.0 * 4.0 * 0.5
        assert found[f"{prefix}backbone.fpn.weight"] == 8.0


def test_a_body_without_a_pyramid_is_the_backbone_itself() -> None:
    net = nn.ModuleDict({"backbone": Body(), "classifier": nn.Conv2d(4, 2, 1)})

    found = settings_of(net, CONFIG, 8.0)

    assert {lr for name, (lr, _) in found.items() if name.startswith("backbone")} == {4.0}
    assert {lr for name, (lr, _) in found.items() if name.startswith("classifier")} == {8.0}


def test_frozen_parameters_are_left_out_and_shared_ones_come_once() -> None:
    net = Net()
    net.backbone["body"].requires_grad_(requires_grad=False)
    net.head.append(net.head[1])

    found = settings_of(net, CONFIG, 1.0)
    assert not any(name.startswith("backbone.body") for name in found)
    assert sum(len(g.params) for g in parameter_groups(net, CONFIG, 1.0)) == 7


def test_a_body_with_a_schedule_of_its_own_has_groups_of_its_own() -> None:
    net, even = Net(), OptimConfig(weight_decay=0.1, norm_weight_decay=0.1)
    together = parameter_groups(net, even, 1.0)
    apart = parameter_groups(net, even, 1.0, body_apart=True)
    names = {id(parameter): name for name, parameter in net.named_parameters()}

    assert [group.body for group in together] == [False]
    assert {group.body for group in apart} == {True, False}
    for group in apart:
        assert {names[id(p)].startswith("backbone.body") for p in group.params} == {group.body}
    assert sum(len(group.params) for group in apart) == len(together[0].params)
    optimizer = build_optimizer(net, even, 1.0, body_apart=True)
    assert {group["body"] for group in optimizer.param_groups} == {True, False}


def test_a_module_without_anything_to_train_is_an_error() -> None:
    net = Net().requires_grad_(requires_grad=False)

    with pytest.raises(ValueError, match="every parameter is frozen"):
        build_optimizer(net, CONFIG, 1.0)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_steps_equal_those_of_the_plain_optimiser(name: Literal["sgd", "adamw"]) -> None:
    ours, plain = Net().double(), Net().double()
    plain.load_state_dict(ours.state_dict())
    config = OptimConfig(
        name=name, weight_decay=0.01, norm_weight_decay=0.01, momentum=0.8, beta2=0.9
    )
    reference = (
        torch.optim.SGD(plain.parameters(), 0.1, 0.8, weight_decay=0.01, foreach=False)
        if name == "sgd"
        else torch.optim.AdamW(
            plain.parameters(), 0.1, (0.8, 0.9), weight_decay=0.01, foreach=False
        )
    )
    for model, optimizer in ((ours, build_optimizer(ours, config, 0.1)), (plain, reference)):
        images = torch.arange(2 * 3 * 5 * 5, dtype=torch.float64).reshape(2, 3, 5, 5).sin()
        for _ in range(3):
            optimizer.zero_grad()
            model(images).square().sum().backward()
            optimizer.step()

    for ours_parameter, plain_parameter in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours_parameter, plain_parameter)


def test_loss_scaling_is_undone_before_the_gradient_is_clipped() -> None:
    weight = nn.Linear(1, 1, bias=False)
    optimizer = build_optimizer(weight, OptimConfig(weight_decay=0.0, momentum=0.0), 1.0)
    before = weight.weight.item()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)

    scaler.scale(weight(torch.tensor([[4.0]])).sum()).backward()
    scaler.unscale_(optimizer)
    norm = torch.nn.utils.clip_grad_norm_(weight.parameters(), 0.5)
    scaler.step(optimizer)

    assert norm.item() == 4.0
    assert weight.weight.item() == pytest.approx(before - 0.5, abs=1e-5)


@pytest.mark.parametrize(
    ("base", "batch", "lr", "sentence"),
    [
        (16, 4, 0.005, "0.005 = 0.02 x 4 / 16, scaled from a batch of 16"),
        (16, 16, 0.02, "0.02, given for a batch of 16"),
        (None, 4, 0.02, "0.02, as given"),
    ],
)
def test_the_linear_rule_says_what_it_did(
    base: int | None, batch: int, lr: float, sentence: str
) -> None:
    config = OptimConfig(lr=0.02, base_batch_size=base)

    assert scaled_lr(config, batch) == pytest.approx(lr)
    assert explain_lr(config, batch) == sentence


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_first_step_that_is_skipped_leaves_no_trace(name: Literal["sgd", "adamw"]) -> None:
    """Fused steps look at `found_inf`; their slots would begin with whatever the memory holds."""
    plain, late = nn.Linear(3, 2), nn.Linear(3, 2)
    late.load_state_dict(plain.state_dict())
    optimizers = [build_optimizer(model, OptimConfig(name=name), 0.1) for model in (plain, late)]
    for skipped in (True, False, False):
        for model, optimizer in zip((plain, late), optimizers, strict=True):
            for parameter in model.parameters():
                parameter.grad = torch.full_like(parameter, torch.nan if skipped else 0.5)
            optimizer.found_inf = torch.tensor(float(skipped))  # type: ignore[attr-defined]
            if model is late or not skipped:
                optimizer.step()

    for left, right in zip(plain.parameters(), late.parameters(), strict=True):
        assert torch.equal(left, right)
