"""From the name of a network to the network."""

from collections.abc import Collection
from dataclasses import replace

from torch import nn

from backbones.body import Body
from backbones.catalogue import ARCHS
from backbones.drop import NO_DROP, Drop
from backbones.norm import Norm
from backbones.resnet import ResNet
from backbones.vgg import VGG, VGGS


def make_network(
    name: str,
    *,
    in_channels: int = 3,
    norm: Norm = nn.BatchNorm2d,
    checkpointed: Collection[str] = (),
    output_stride: int = 32,
    drop: Drop = NO_DROP,
    width: int | None = None,
) -> Body:
    """A network of the catalogue with random weights.

    Args:
        name: One of `NAMES`.
        in_channels: Channels of the image.
        norm: Makes its norms.
        checkpointed: Stages that keep only their input and are computed again in the backward pass.
        output_stride: Stride of the coarsest map: 8, 16 or 32.
        drop: What it drops while it learns.
        width: Channels of the stem and of the first stage, of which the others have multiples; None: those it has by
            its name.

    Raises:
        ValueError: Something is to be dropped from a network without residual units.
    """
    if name in ARCHS:
        arch = ARCHS[name]
        return ResNet(
            arch if width is None else replace(arch, width=width),
            in_channels=in_channels,
            norm=norm,
            checkpointed=checkpointed,
            output_stride=output_stride,
            drop=drop,
        )
    if any(drop):
        raise ValueError(
            f"model.backbone.name={name} has no residual units to drop; "
            "set model.backbone.drop_path=0 and model.backbone.dropout=0"
        )
    vgg = VGGS[name]
    return VGG(
        vgg if width is None else replace(vgg, width=width),
        in_channels=in_channels,
        norm=norm,
        checkpointed=checkpointed,
        output_stride=output_stride,
    )


def has_norms(name: str) -> bool:
    """Whether a network, of the catalogue or not, has norms at all."""
    return name not in VGGS or VGGS[name].normed
