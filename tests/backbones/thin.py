"""Every kind of residual network of the catalogue, short and thin enough to compute."""

from dataclasses import replace

from backbones.catalogue import ARCHS
from backbones.resnet import Arch

KINDS = (
    *("resnet18", "resnet50", "resnet50_v1", "resnet18c", "resnet50c", "resnet18d", "resnet50d"),
    *("resnet18_option_a", "resnet18_option_c", "plain18"),
    *("preresnet18", "preresnet50", "resnet50_ws", "preresnet50_ws"),
    *(
        "wide_resnet50_2",
        "resnext50_32x4d",
        "seresnet18",
        "seresnet50",
        "ecaresnet50d",
        "resnetblur18",
    ),
    "resnetblur50",
)
"""A name for each kind with a pyramid; other names differ from one of them in depth and width alone."""
SMALL_KINDS = (
    *("cifar_resnet20", "cifar_resnet20_option_b", "cifar_resnet20_option_c", "cifar_plain20"),
    *("cifar_preresnet110", "cifar_resnet164"),
    *("cifar_preresnet164", "cifar_highway20", "cifar_wide_resnet40_4"),
)
"""The same for small images."""


def thin(name: str) -> Arch:
    """The network of this name with few units and channels."""
    arch = ARCHS[name]
    return replace(arch, depths=(1, 2, 1, 1)[: len(arch.depths)], width=16)
