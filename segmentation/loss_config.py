"""Settings of the losses: a list, `losses: [{name: cross_entropy}, {name: dice, weight: 0.5, over: image}]`."""

from typing import Annotated, Literal

from pydantic import Field

from lumbar.schema import Section


class _Loss(Section):
    """What every loss has."""

    weight: float = Field(default=1.0, gt=0)
    """Of this loss in the sum."""
    class_weights: Literal["none", "data"] | tuple[Annotated[float, Field(ge=0)], ...] = "none"
    """How much each class counts. none: all the same; data: the rarer among the labelled training pixels the more, by
    the median of the classes' frequencies over their own (Eigen and Fergus 2015); or a number for each class, where 0
    leaves out a background."""


class CrossEntropyConfig(_Loss):
    """Mean cross-entropy over the labelled pixels: softmax where a pixel has one class, sigmoid where several."""

    name: Literal["cross_entropy"]
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the label that is spread over all answers."""


class OhemConfig(_Loss):
    """Mean cross-entropy over the hard pixels only: online hard example mining."""

    name: Literal["ohem"]
    confidence: float = Field(default=0.7, gt=0, lt=1)
    """A pixel whose true answer has at most this probability is hard."""
    min_kept: int = Field(default=100_000, ge=1)
    """At least so many pixels of each image count as hard."""


class FocalConfig(_Loss):
    """Cross-entropy that fades for pixels that are right already, Lin et al. 2017 (arXiv:1708.02002)."""

    name: Literal["focal"]
    gamma: float = Field(default=2.0, ge=0)
    """How fast it fades; 0 is cross-entropy."""


class DiceConfig(_Loss):
    """One minus the Dice coefficient, mean over classes whatever their size."""

    name: Literal["dice"]
    over: Literal["image", "batch"] = "batch"
    """image: the coefficient of each image; batch: that of the pixels of all images, on all devices, together."""


class TverskyConfig(_Loss):
    """Errors as a share of the area, false alarms and misses weighed apart, Salehi et al. 2017 (arXiv:1706.05721)."""

    name: Literal["tversky"]
    false_positives: float = Field(default=0.3, gt=0)
    """Weight of what is found where nothing is; 0.5 for both is Dice, 1 for both the Jaccard index."""
    false_negatives: float = Field(default=0.7, gt=0)
    """Weight of what is missed."""
    over: Literal["image", "batch"] = "batch"
    """Which pixels make an area, as of dice."""


class LovaszConfig(_Loss):
    """A convex surrogate of one minus IoU over the batch of a device, Berman et al. 2018 (arXiv:1705.08790)."""

    name: Literal["lovasz"]


class BoundaryConfig(_Loss):
    """Errors by their distance from the true contour, Kervadec et al. 2019 (arXiv:1812.07032); beside another loss."""

    name: Literal["boundary"]
    reach: int = Field(default=16, ge=1)
    """Distance in pixels beyond which pixels are all equally wrong."""


LossConfig = (
    CrossEntropyConfig
    | OhemConfig
    | FocalConfig
    | DiceConfig
    | TverskyConfig
    | LovaszConfig
    | BoundaryConfig
)
"""Any of them; `name` says which."""

Losses = Annotated[
    tuple[Annotated[LossConfig, Field(discriminator="name")], ...], Field(min_length=1)
]
"""The type of a setting that lists losses to be added up."""

DEFAULT_LOSSES: Losses = (CrossEntropyConfig(name="cross_entropy"),)
