"""Settings to network: the one place where the names of the configuration become modules."""

from backbones.build import BuiltBody, build_body, make_body
from backbones.config import BackboneConfig
from backbones.weights import LoadReport
from classification.config import ClassificationConfig
from classification.losses import Criterion, SigmoidCrossEntropy, SoftmaxCrossEntropy
from classification.mixing import Mixing
from classification.model_config import LossConfig
from classification.network import PooledNetwork


def build_network(
    config: ClassificationConfig, num_classes: int
) -> tuple[PooledNetwork, LoadReport | None]:
    """The network to train, with the weights of its backbone loaded; without weights nothing is frozen.

    Args:
        config: Of the run.
        num_classes: K.

    Returns:
        The network, and what was loaded, None where nothing was asked for.

    Raises:
        ValueError: The weights cannot be had or are of another network, or the norm cannot work.
    """
    body = build_body(_body_config(config))
    return _join(body, config, num_classes), body.report


def make_network(config: ClassificationConfig, num_classes: int) -> PooledNetwork:
    """The same network with random weights, for one whose own weights file follows."""
    return _join(make_body(_body_config(config)), config, num_classes)


def build_criterion(config: LossConfig) -> Criterion:
    """What the settings ask to minimise."""
    if config.name == "softmax":
        return SoftmaxCrossEntropy(config.label_smoothing)
    return SigmoidCrossEntropy(config.label_smoothing, config.present_from)


def _body_config(config: ClassificationConfig) -> BackboneConfig:
    """Stages that are trained later must keep their gradients: the module holds them still by itself."""
    backbone = config.model.backbone
    return (
        backbone if config.model.thaw_epoch is None else backbone.model_copy(update={"freeze": ()})
    )


def _join(body: BuiltBody, config: ClassificationConfig, num_classes: int) -> PooledNetwork:
    return PooledNetwork(
        body.body,
        pixels=body.pixels,
        num_classes=num_classes,
        criterion=build_criterion(config.loss),
        mixing=Mixing(mixup=config.mix.mixup, cutmix=config.mix.cutmix),
        dropout=config.model.dropout,
    )
