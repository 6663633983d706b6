"""Signals are those behind each norm, and the network stays as it was."""

from pathlib import Path

import pytest
import torch

from classification.batch import LabelTargets
from classification.build import make_network
from classification.layer_signals import measure_layers
from tests.classification.made_up import make_images, pointwise_network
from tests.classification.runs import tiny_run

TARGETS = LabelTargets(torch.tensor([0, 1, 2, 0]), torch.arange(4))


def test_numbers_equal_those_by_hand() -> None:
    network, images = pointwise_network(), make_images(4)

    signals = measure_layers(network, images, TARGETS)

    out = network.backbone(network.pixels(images))["c1"].detach().requires_grad_()
    logits = network.fc(out.mean((2, 3)))
    torch.nn.functional.cross_entropy(logits, TARGETS.labels).backward()
    assert out.grad is not None
    assert signals.names == ("layer1.1",)
    assert signals.responses[0] == pytest.approx(float(out.detach().std()), rel=1e-5)
    expected = float((out.grad * 4).square().mean().sqrt())
    assert signals.gradients[0] == pytest.approx(expected, rel=1e-4)


def test_nothing_is_left_behind() -> None:
    network = pointwise_network().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}

    measure_layers(network, make_images(4), TARGETS)

    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training
    assert all(part.grad is None for part in network.parameters())
    assert not network.backbone.layer1[1]._forward_hooks


@pytest.mark.parametrize(
    ("name", "layers"), [("cifar_resnet20", 19), ("cifar_plain20", 19), ("cifar_preresnet110", 109)]
)
def test_every_layer_is_seen_once(name: str, layers: int, examples: Path) -> None:
    changes = [f"model.backbone.name={name}", "model.backbone.norm=batch"]
    network = make_network(tiny_run(examples, changes), 3)

    signals = measure_layers(network, make_images(4, edge=16), TARGETS)

    assert len(signals.names) == layers
    assert min(signals.responses) > 0
    assert min(signals.gradients) > 0
