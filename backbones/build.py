"""Settings to backbone: the one place where the names of the configuration become modules."""

import logging
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import nn

from backbones.base import Backbone
from backbones.body import Body
from backbones.config import BackboneConfig, FPNConfig
from backbones.drop import Drop
from backbones.fpn import FeaturePyramid, Init, PyramidBackbone
from backbones.names import TIMM
from backbones.network import has_norms, make_network
from backbones.norm import make_norm
from backbones.pixels import PixelNorm
from backbones.timm_body import TimmBody, make_timm
from backbones.weights import (
    PUBLISHED,
    LoadReport,
    fetch_backbone,
    load_into,
    load_timm,
    read_backbone,
)

_logger = logging.getLogger(__name__)

_FIXED_NORMS = ("frozen", "eval")
_CONVOLUTION = re.compile(
    r"((stem|layer\d)\.(\d+\.)?)?(conv\d(\.[036])?|downsample\.\d|se\.\w+|merge\.gate)\.weight"
)
_FPN_INITS: Mapping[str, Init] = {
    "kaiming": partial(nn.init.kaiming_uniform_, a=1),
    "xavier": nn.init.xavier_uniform_,
}


class BuiltBody(NamedTuple):
    """A network, the normalisation its weights expect, and what was loaded."""

    body: Body
    pixels: PixelNorm
    report: LoadReport | None
    """None where no weights were asked for."""


class BuiltBackbone(NamedTuple):
    """The same with a pyramid on it."""

    pyramid: PyramidBackbone
    pixels: PixelNorm
    report: LoadReport | None
    """None where no weights were asked for."""


def build_body(config: BackboneConfig) -> BuiltBody:
    """The network to train, with its weights loaded; without weights nothing is frozen.

    Raises:
        ValueError: The weights cannot be had or are of another network, or the norm cannot work.
    """
    _check_norm(config)
    if config.name.startswith(TIMM):
        built = _build_timm(config)
    elif config.weights == "none":
        built = _make_body(config)
    else:
        body, pixels, _ = _make_body(config)
        built = BuiltBody(body, pixels, _load(body, config))
    if built.report:
        built.body.freeze(config.freeze)
    elif config.freeze:
        _logger.warning("no weights were loaded: model.backbone.freeze is ignored")
    return built


def make_body(config: BackboneConfig) -> BuiltBody:
    """The same network with random weights, for a model whose own weights file follows.

    It reads and fetches nothing, and needs no device; the stages to freeze are frozen.
    """
    built = _make_body(config)
    built.body.freeze(config.freeze)
    return built


def build_backbone(backbone: BackboneConfig, fpn: FPNConfig) -> BuiltBackbone:
    """As `build_body`, with a pyramid on it."""
    body, pixels, report = build_body(backbone)
    return BuiltBackbone(add_pyramid(body, fpn), pixels, report)


def make_backbone(backbone: BackboneConfig, fpn: FPNConfig) -> BuiltBackbone:
    """As `make_body`, with a pyramid on it."""
    body, pixels, report = make_body(backbone)
    return BuiltBackbone(add_pyramid(body, fpn), pixels, report)


def add_pyramid(body: Backbone, config: FPNConfig) -> PyramidBackbone:
    """Puts a pyramid with random weights on a body.

    Raises:
        ValueError: Its maps do not halve.
    """
    norm = None if config.norm == "none" else make_norm(config.norm)
    pyramid = FeaturePyramid(
        body.features, channels=config.channels, norm=norm, init=_FPN_INITS[config.init]
    )
    return PyramidBackbone(body, pyramid)


def _make_body(config: BackboneConfig) -> BuiltBody:
    if config.name.startswith(TIMM):
        return BuiltBody(*_make_timm(config), report=None)
    body = make_network(
        config.name,
        in_channels=config.in_channels,
        norm=make_norm(config.norm, config.norm_eps),
        checkpointed=config.checkpoint,
        output_stride=config.output_stride,
        drop=Drop(config.drop_path, config.dropout),
        width=config.width,
    )
    return BuiltBody(body, PixelNorm.of_imagenet(config.in_channels), report=None)


def _make_timm(config: BackboneConfig, weights: str = "") -> tuple[TimmBody, PixelNorm]:
    """With timm's own weights of this name, if there is one."""
    if config.checkpoint or config.drop_path or config.dropout or config.width:
        raise ValueError(
            f"model.backbone.name={config.name}: checkpoint, drop_path, dropout and width are for the networks of the "
            "catalogue; set model.backbone.checkpoint=[], model.backbone.drop_path=0, model.backbone.dropout=0 and "
            "model.backbone.width=null"
        )
    return make_timm(
        (weights or config.name).removeprefix(TIMM),
        in_channels=config.in_channels,
        output_stride=config.output_stride,
        norm=config.norm,
        pretrained=bool(weights),
    )


def _build_timm(config: BackboneConfig) -> BuiltBody:
    weights = config.weights
    if weights == "none":
        return _make_body(config)
    if weights.startswith(TIMM):
        if weights.partition(".")[0] != config.name.partition(".")[0]:
            raise ValueError(
                f"model.backbone.weights={weights} does not fit model.backbone.name={config.name}; "
                f"set model.backbone.name={weights.partition('.')[0]}"
            )
        body, pixels = _make_timm(config, weights)
        return BuiltBody(body, pixels, LoadReport(weights, tuple(body.net.state_dict())))
    if weights.startswith("torchvision/"):
        raise ValueError(
            f"model.backbone.weights={weights} does not fit model.backbone.name={config.name}; "
            f"set model.backbone.weights={config.name}, FILE or none"
        )
    body, pixels = _make_timm(config)
    return BuiltBody(body, pixels, load_timm(body.net, Path(weights)))


def _check_norm(config: BackboneConfig) -> None:
    if config.norm in _FIXED_NORMS and config.weights == "none" and has_norms(config.name):
        raise ValueError(
            f"model.backbone.norm={config.norm} never learns its statistics and needs weights, but "
            "model.backbone.weights=none; set model.backbone.norm=group (or batch), or "
            "model.backbone.weights=torchvision/NAME.v1 or FILE"
        )


def _load(body: Body, config: BackboneConfig) -> LoadReport:
    if config.weights.startswith("torchvision/"):
        _check_name(config)
        state = fetch_backbone(config.weights)
    else:
        state = read_backbone(Path(config.weights), config.name)
    report = load_into(body, state, source=config.weights, input_rule=config.input_rule)
    left = (*report.reinitialised, *report.unused)
    foreign = [key for key in left if _CONVOLUTION.fullmatch(key)]
    if foreign:
        raise ValueError(
            f"{config.weights}: not weights of model.backbone.name={config.name}, "
            f"{foreign[0]} differs"
        )
    if config.norm in _FIXED_NORMS and any("running_" in key for key in report.reinitialised):
        raise ValueError(
            f"{config.weights}: no statistics for model.backbone.norm={config.norm}; "
            "set model.backbone.norm=group (or batch), or other weights"
        )
    return report


def _check_name(config: BackboneConfig) -> None:
    name = config.weights.removeprefix("torchvision/").partition(".")[0]
    if config.weights in PUBLISHED and name != config.name:
        fitting = [key for key in PUBLISHED if key.startswith(f"torchvision/{config.name}.")]
        raise ValueError(
            f"model.backbone.weights={config.weights} does not fit model.backbone.name="
            f"{config.name}; set model.backbone.weights={' or '.join(fitting) or 'FILE'}, "
            f"or model.backbone.name={name}"
        )
