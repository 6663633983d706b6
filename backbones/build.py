"""Settings to backbone: the one place where the names of the configuration become modules."""

import json
import logging
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import nn

from backbones.base import Backbone
from backbones.blocks import Unit
from backbones.body import Body
from backbones.config import BackboneConfig, FPNConfig
from backbones.drop import Drop
from backbones.fpn import FeaturePyramid, Init, PyramidBackbone
from backbones.input_channels import stated_pixels
from backbones.merges import Add
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
    read_timm,
)

_logger = logging.getLogger(__name__)

_FIXED_NORMS = ("frozen", "eval")
_OF_THE_CATALOGUE = ("checkpoint", "drop_path", "dropout", "width", "zero_init_residual")
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
        built = _load(_make_body(config), config)
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
    if config.zero_init_residual:
        _begin_as_shortcuts(body, config.name)
    return BuiltBody(body, PixelNorm.of_imagenet(config.in_channels), report=None)


def _begin_as_shortcuts(body: Body, name: str) -> None:
    units = [module for module in body.modules() if isinstance(module, Unit)]
    if not all(type(unit.merge) is Add for unit in units) or not units:
        raise ValueError(
            f"model.backbone.name={name} does not add units to shortcuts, and would begin as nothing; set "
            "model.backbone.zero_init_residual=false"
        )
    for unit in units:
        unit.begin_as_shortcut()


def _make_timm(config: BackboneConfig, weights: str = "") -> tuple[TimmBody, PixelNorm]:
    """With timm's own weights of this name, if there is one."""
    usual = {name: BackboneConfig.model_fields[name].default for name in _OF_THE_CATALOGUE}
    given = [name for name, value in usual.items() if getattr(config, name) != value]
    if given:
        settings = (f"model.backbone.{name}={json.dumps(usual[name])}" for name in given)
        raise ValueError(
            f"model.backbone.name={config.name}: {', '.join(given)} can be set for networks of the catalogue alone; "
            f"set {' and '.join(settings)}"
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
    state = read_timm(Path(weights))
    report = load_timm(body.net, state, source=weights)
    return BuiltBody(body, stated_pixels(state, pixels), report)


def _check_norm(config: BackboneConfig) -> None:
    if config.norm in _FIXED_NORMS and config.weights == "none" and has_norms(config.name):
        raise ValueError(
            f"model.backbone.norm={config.norm} never learns its statistics and needs weights, but "
            "model.backbone.weights=none; set model.backbone.norm=group (or batch), or "
            "model.backbone.weights=torchvision/NAME.v1 or FILE"
        )


def _load(made: BuiltBody, config: BackboneConfig) -> BuiltBody:
    if config.weights.startswith("torchvision/"):
        _check_name(config)
        state = fetch_backbone(config.weights)
    else:
        state = read_backbone(Path(config.weights), config.name)
    report = load_into(made.body, state, source=config.weights, input_rule=config.input_rule)
    left = (*report.reinitialised, *report.unused)
    foreign = [key for key in left if _CONVOLUTION.fullmatch(key)]
    if foreign:
        raise ValueError(
            f"{config.weights}: not weights of model.backbone.name={config.name}, {foreign[0]} differs; name the "
            "network of the file (`python -m backbones` lists all), or take other weights"
        )
    if config.norm in _FIXED_NORMS and any("running_" in key for key in report.reinitialised):
        raise ValueError(
            f"{config.weights}: no statistics for model.backbone.norm={config.norm}; "
            "set model.backbone.norm=group (or batch), or other weights"
        )
    return BuiltBody(made.body, stated_pixels(state, made.pixels), report)


def _check_name(config: BackboneConfig) -> None:
    name = config.weights.removeprefix("torchvision/").partition(".")[0]
    if config.weights in PUBLISHED and name != config.name:
        fitting = [key for key in PUBLISHED if key.startswith(f"torchvision/{config.name}.")]
        raise ValueError(
            f"model.backbone.weights={config.weights} does not fit model.backbone.name="
            f"{config.name}; set model.backbone.weights={' or '.join(fitting) or 'FILE'}, "
            f"or model.backbone.name={name}"
        )
