"""Settings of the network and of what it minimises; choices are literals, so that no torch is needed to check them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from backbones.config import BackboneConfig
from lumbar.schema import Section


class NetworkConfig(Section):
    """A backbone whose last map is averaged, and a linear layer."""

    backbone: BackboneConfig = BackboneConfig()
    """Networks for CIFAR have names that begin with `cifar_`."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the averaged features that is dropped in training."""
    thaw_epoch: int | None = Field(default=None, ge=1)
    """Epoch, counted from 0, from which on the stages of `backbone.freeze` are trained, too; null: never. Statistics
    of the norms `frozen` and `eval` stay as they are."""
    weights: str = "none"
    """Whole classifier to start from: a model.safetensors, a .pth file of torchvision or timm, `torchvision/NAME`, or
    `none`; class rows are taken over where the class names agree."""


class LossConfig(Section):
    """What is minimised."""

    name: Literal["softmax", "sigmoid"] = "softmax"
    """softmax: cross-entropy of one class out of all; sigmoid: binary cross-entropy of each class by itself, as in
    ResNet strikes back."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that all classes have alike."""
    present_from: float | None = Field(default=None, gt=0, le=1)
    """sigmoid: of mixed images, classes with this share or more count as wholly there; null takes the shares."""

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> Self:
        if self.present_from is not None and self.name != "sigmoid":
            raise ValueError(
                f"present_from {self.present_from} has no effect on the loss {self.name}; leave it out, or set name to "
                "sigmoid"
            )
        return self


class MixConfig(Section):
    """Training images that are mixed with each other; where both are given, either is as likely for an image."""

    mixup: float = Field(default=0.0, ge=0)
    """Alpha of the Beta distribution of the share by which two images are laid over each other; 0: never."""
    cutmix: float = Field(default=0.0, ge=0)
    """Alpha of the share that an image keeps when a window of another one takes the place of the rest; 0: never."""
