"""Settings of a segmenter's parts: backbone, pyramid and heads."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from backbones.config import BackboneConfig, FPNConfig
from lumbar.schema import Section

HeadName = Literal["fpn", "fcn", "concat", "skip"]

_USERS: Mapping[str, tuple[HeadName, ...]] = {
    "channels": ("fpn",),
    "dilation": ("fcn", "concat"),
    "dropout": ("fpn", "fcn", "concat"),
    "levels": ("skip",),
}
"""The heads that a setting is for."""


class HeadConfig(Section):
    """From feature maps to class scores."""

    name: HeadName = "fpn"
    """fpn: the semantic branch on the pyramid (Panoptic FPN); fcn: torchvision's, one convolution on c5; concat:
    MMSegmentation's, three convolutions, the last of which sees c5 again; skip: joined scores of several maps, the
    FCN-32s, 16s and 8s of the paper."""
    channels: int = Field(default=128, ge=1)
    """Of the head `fpn`; `fcn` and `concat` have a quarter of those of c5."""
    dilation: int = Field(default=1, ge=1)
    """Of the first convolutions of `fcn` and `concat`; 6 on an output stride of 16 is MMSegmentation's D6."""
    levels: tuple[Literal["c2", "c3", "c4", "c5"], ...] = Field(
        default=("c3", "c4", "c5"), min_length=1
    )
    """Maps that `skip` scores, finest first: c3, c4 and c5 for the FCN-8s, c5 alone for the FCN-32s."""
    norm: Literal["batch", "sync", "group"] = "group"
    """Norm after the convolutions, in the auxiliary head, too. batch, sync: batch statistics of one or of all ranks,
    for 16 images and more; group: GroupNorm, for any number of them."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of what enters the last convolution that is dropped in training."""
    align_corners: bool = False
    """Enlarge so that the centres of the outermost cells keep their places in the corners, as
    segmentation-models-pytorch does, and MMSegmentation for images of 769 pixels."""

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> Self:
        for key, users in _USERS.items():
            value = getattr(self, key)
            if self.name not in users and value != type(self).model_fields[key].default:
                raise ValueError(
                    f"{key} {value} has no effect on the head {self.name}; leave {key} out, or set "
                    f"name to {' or '.join(users)}"
                )
        return self


class AuxConfig(Section):
    """A second head of the kind `fcn`, on c4, which only helps the backbone to learn."""

    weight: float = Field(default=0.0, ge=0)
    """Weight of its loss, 0.4 in MMSegmentation and 0.5 in torchvision; 0: there is no such head."""
    dilation: int = Field(default=1, ge=1)
    """Of its first convolution."""


class ModelConfig(Section):
    """A fully convolutional network."""

    backbone: BackboneConfig = BackboneConfig()
    fpn: FPNConfig = FPNConfig()
    head: HeadConfig = HeadConfig()
    aux: AuxConfig = AuxConfig()
    weights: str = "none"
    """Whole segmenter to start from: a model.safetensors of Lumbar, a .pth of torchvision, MMSegmentation or
    segmentation-models-pytorch, `torchvision/fcn_resnet50` or `torchvision/fcn_resnet101`, or `none`; class rows are
    taken over where the class names agree."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        name, stride = self.head.name, self.backbone.output_stride
        if stride != 32 and name in ("fpn", "skip"):
            raise ValueError(
                f"backbone.output_stride {stride} leaves no maps that halve, which the head {name} needs; set "
                "backbone.output_stride to 32, or head.name to fcn or concat"
            )
        if name != "fpn" and self.fpn != FPNConfig():
            raise ValueError(
                f"the settings of fpn have no effect on the head {name}; leave them out, or set "
                "head.name to fpn"
            )
        if name == "fpn" and self.aux.weight:
            raise ValueError(
                f"aux.weight {self.aux.weight} asks for a head on c4, which the head fpn does not have; set "
                "aux.weight to 0, or head.name to fcn, concat or skip"
            )
        return self
