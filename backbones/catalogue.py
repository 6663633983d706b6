"""The networks that have names."""

from dataclasses import replace

from backbones.blocks import Block, Conv, project
from backbones.resnet import Arch

BASIC = Block((Conv(3), Conv(3)), stride_at=0, shortcut=project)
BOTTLENECK = Block((Conv(1), Conv(3), Conv(1, width=4)), stride_at=1, shortcut=project)
"""With the stride in the 3x3, as torchvision's weights want it."""
BOTTLENECK_V1 = replace(BOTTLENECK, stride_at=0)
"""With the stride in the first 1x1, as the paper and the weights of its authors have it."""

DEEP_STEM = (3, 3, 3)
"""In place of a kernel of 7: Inception's, taken over by He et al. 2018 (arXiv:1812.01187) for their ResNet-C."""

ARCHS: dict[str, Arch] = {
    "resnet18": Arch((2, 2, 2, 2), BASIC),
    "resnet34": Arch((3, 4, 6, 3), BASIC),
    "resnet50": Arch((3, 4, 6, 3), BOTTLENECK),
    "resnet101": Arch((3, 4, 23, 3), BOTTLENECK),
    "resnet152": Arch((3, 8, 36, 3), BOTTLENECK),
    "resnet50_v1": Arch((3, 4, 6, 3), BOTTLENECK_V1),
    "resnet101_v1": Arch((3, 4, 23, 3), BOTTLENECK_V1),
    "resnet152_v1": Arch((3, 8, 36, 3), BOTTLENECK_V1),
    "resnet18c": Arch((2, 2, 2, 2), BASIC, stem=DEEP_STEM),
    "resnet50c": Arch((3, 4, 6, 3), BOTTLENECK, stem=DEEP_STEM),
    "resnet101c": Arch((3, 4, 23, 3), BOTTLENECK, stem=DEEP_STEM),
}
"""Table 1 of He et al. 2015 (arXiv:1512.03385); `_v1` moves the stride, `c` has the deep stem."""
