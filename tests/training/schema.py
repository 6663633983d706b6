"""A small config with every kind of setting."""

from typing import Any, Literal

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
    model: Part = Part()
    solver: Solver = Solver()
