"""A small config with every kind of setting."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lumbar.schema import Section


class Inner(Section):
    """Settings of a part."""

    nms_iou: float = Field(default=0.5, ge=0, le=1)
    """Overlap above which the worse box is dropped."""
    batch: int = Field(default=512, ge=1)
    """Proposals sampled in each image."""


class Part(Section):
    """A part with a part."""

    name: Literal["resnet18", "resnet50"] = "resnet50"
    """Architecture."""
    weights: str = "none"
    """A file, or `none`."""
    inner: Inner = Inner()


class Solver(Section):
    """How it is solved."""

    lr: float = Field(default=0.02, gt=0)
    """Learning rate."""
    steps: int | None = Field(default=None, ge=1)
    """Steps; null: all."""
    devices: int | Literal["auto"] = "auto"
    """Devices."""
    nested: bool = False
    """Whether it is nested."""


class Flip(Section):
    """Mirrors an image."""

    name: Literal["flip"]
    chance: float = Field(default=0.5, ge=0, le=1)
    """Share of the images that are mirrored."""


class Blur(Section):
    """Blurs an image."""

    name: Literal["blur"]
    radius: int = Field(default=3, ge=1)
    """Pixels."""
    inner: Inner = Inner()


class Root(Section):
    """The whole thing."""

    preset: Literal["ours", "theirs"] = "ours"
    """Whose conventions."""
    sizes: tuple[float, ...] = (32.0, 64.0)
    """Sizes of things, in pixels."""
    crop: tuple[float, float] | None = None
    """Range of fractions."""
    extras: tuple[dict[str, Any], ...] = ()
    """Anything."""
    steps: tuple[Annotated[Flip | Blur, Field(discriminator="name")], ...] = Field(
        default=(Flip(name="flip", chance=0.25),), min_length=1
    )
    """What happens to an image, in this order."""
    model: Part = Part()
    solver: Solver = Solver()
