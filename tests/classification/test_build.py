"""Settings reach the network; what is thawed later is not frozen."""

from pathlib import Path

import pytest

from classification.build import build_criterion, build_network, make_network
from classification.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy
from classification.model_config import LossConfig
from tests.classification.runs import tiny_run


def test_settings_reach_the_network(examples: Path) -> None:
    config = tiny_run(examples, ["mix.cutmix=1.0", "model.dropout=0.3", "loss.name=sigmoid"])

    network, report = build_network(config, 7)

    assert report is None
    assert network.fc.out_features == 7
    assert network.dropout.rate == 0.3
    assert network.criterion == SigmoidCrossEntropy()
    assert network.mixing._cutmix is not None
    assert network.mixing._mixup is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (LossConfig(label_smoothing=0.1), SoftmaxCrossEntropy(0.1)),
        (LossConfig(name="sigmoid", present_from=0.2), SigmoidCrossEntropy(0.0, 0.2)),
    ],
)
def test_losses_have_names(settings: LossConfig, expected: object) -> None:
    assert build_criterion(settings) == expected


def test_stages_that_thaw_keep_their_gradients(examples: Path) -> None:
    frozen = tiny_run(examples, ["model.backbone.freeze=[stem, layer1]"])
    thawed = tiny_run(examples, ["model.backbone.freeze=[stem, layer1]", "model.thaw_epoch=1"])

    assert make_network(frozen, 3).backbone.frozen == {"stem", "layer1"}
    network = make_network(thawed, 3)
    assert not network.backbone.frozen
    assert all(part.requires_grad for part in network.parameters())
