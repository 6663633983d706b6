"""What is counted, and what is not."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from backbones.base import Backbone, FeatureSpec
from backbones.cost import Cost, classifier_cost, cost
from backbones.network import make_network


class Layers(Backbone):
    """One convolution in groups, and a linear layer over its channels at each place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(4, 8, 3, 2, 1, groups=2), nn.Linear(8, 5, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.features = {"c1": FeatureSpec(5, 2)}

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"c1": self.linear(self.norm(self.conv(x)).permute(0, 2, 3, 1))}


def test_products_of_weights_are_counted() -> None:
    found = cost(Layers(), 10, in_channels=4)
    weights = 8 * 2 * 9 + 8 * 5
    assert found == Cost(parameters=weights + 8 + 16, multiply_adds=25 * weights)


def test_counting_leaves_no_trace() -> None:
    net = Layers().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    cost(net, 10, in_channels=4)
    assert net.training
    assert not net.conv._forward_hooks
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("name", ["resnet50", "resnext50_32x4d", "vgg16", "cifar_preresnet110"])
def test_torchs_counter_agrees_where_there_are_only_such_layers(name: str) -> None:
    with torch.device("meta"):
        net = make_network(name)
        counter = FlopCounterMode(display=False)
        with counter:
            net(torch.zeros(1, 3, 64, 64))
    assert counter.get_total_flops() == 2 * cost(net, 64).multiply_adds


def test_a_classifier_stands_on_the_last_map() -> None:
    assert classifier_cost(Layers(), 10) == Cost(parameters=60, multiply_adds=50)
