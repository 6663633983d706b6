"""The network is the average of the last map and a linear layer; its verbs agree with each other."""

import pytest
import torch
import torch.nn.functional as F

from backbones.config import BackboneConfig
from classification.batch import LabelTargets
from classification.build import make_network
from classification.config import ClassificationConfig
from classification.losses import SigmoidCrossEntropy
from classification.mixing import Mixing
from classification.model_config import NetworkConfig
from tests.classification.made_up import make_images, pointwise_network

TARGETS = LabelTargets(torch.tensor([0, 2, 1, 1]), torch.tensor([5, 6, 7, 8]))


def test_features_are_the_mean_of_the_last_map() -> None:
    network, images = pointwise_network().eval(), make_images(4)

    features = network.embed(images)

    maps = network.backbone(network.pixels(images))
    torch.testing.assert_close(features, maps["c1"].mean((2, 3)))
    found = network.predict(images)
    torch.testing.assert_close(found.scores, network.fc(features).softmax(1))
    assert torch.equal(found.labels, found.scores.argmax(1))
    assert torch.equal(network(images).scores, found.scores)


def test_losses_are_those_of_the_criterion() -> None:
    network, images = pointwise_network(), make_images(4)

    losses = network.losses(images, TARGETS)

    logits = network.fc(network.embed(images))
    assert list(losses) == ["loss/class"]
    torch.testing.assert_close(losses["loss/class"], F.cross_entropy(logits, TARGETS.labels))


def test_the_error_is_the_share_of_wrong_answers() -> None:
    network, images = pointwise_network().eval(), make_images(4)
    answers = network.predict(images).labels

    error = network.learn(images, TARGETS._replace(labels=answers)).error
    assert error == 0
    wrong = torch.where(torch.arange(4) == 1, (answers + 1) % 3, answers)
    assert network.learn(images, TARGETS._replace(labels=wrong)).error == 0.25


def test_images_are_mixed_in_training_only() -> None:
    network, images = pointwise_network(mixing=Mixing(mixup=1.0)), make_images(4)
    plain = pointwise_network()
    plain.load_state_dict(network.state_dict())

    values = {
        mode: [part.train(mode).losses(images, TARGETS)["loss/class"] for part in (network, plain)]
        for mode in (False, True)
    }

    assert values[True][0] != values[True][1]
    assert values[False][0] == values[False][1]


def test_a_step_reaches_every_parameter() -> None:
    network = pointwise_network(criterion=SigmoidCrossEntropy(), mixing=Mixing(cutmix=1.0))

    network.losses(make_images(4), TARGETS)["loss/class"].backward()

    assert all(part.grad is not None and part.grad.any() for part in network.parameters())


@pytest.mark.parametrize("name", ["resnet18", "cifar_resnet20", "cifar_preresnet110"])
def test_networks_of_the_catalogue_classify_small_images(name: str) -> None:
    backbone = BackboneConfig(name=name, weights="none", norm="batch", freeze=())
    config = ClassificationConfig(model=NetworkConfig(backbone=backbone))

    network = make_network(config, 10).eval()

    with torch.no_grad():
        assert network.predict(make_images(2, edge=32)).scores.shape == (2, 10)


def test_backbones_that_draw_get_the_seeds_of_the_images() -> None:
    backbone = BackboneConfig(
        name="cifar_resnet20", weights="none", norm="batch", freeze=(), drop_path=0.5
    )
    network = make_network(ClassificationConfig(model=NetworkConfig(backbone=backbone)), 3)
    images = make_images(4, edge=16)

    one, same = (network.losses(images, TARGETS)["loss/class"] for _ in range(2))
    other = network.losses(images, TARGETS._replace(seeds=TARGETS.seeds + 1))["loss/class"]

    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_dropout_follows_from_the_seeds_of_the_images() -> None:
    network, images = pointwise_network(dropout=0.5).train(), make_images(4)

    one, same = (network.losses(images, TARGETS)["loss/class"] for _ in range(2))
    other = network.losses(images, TARGETS._replace(seeds=TARGETS.seeds + 1))["loss/class"]

    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_small_networks_have_the_parameters_of_the_paper() -> None:
    for name, expected in (("cifar_resnet20", 269_722), ("cifar_plain56", 853_018)):
        backbone = BackboneConfig(name=name, weights="none", norm="batch", freeze=())
        with torch.device("meta"):
            network = make_network(ClassificationConfig(model=NetworkConfig(backbone=backbone)), 10)
        assert sum(part.numel() for part in network.parameters()) == expected
