"""Settings of the scores."""

from typing import Literal

from pydantic import Field

from lumbar.schema import Section


class ScoresConfig(Section):
    """How predictions are scored."""

    at: Literal["original", "resized"] = "original"
    """original: pixels of the files, to whose size predictions are brought; resized: pixels of the network's input, to
    whose size masks are brought, as torchvision's references do it."""
    left_out: tuple[str, ...] = ()
    """Classes that the means over classes leave out, such as a background."""
    rim_share: float = Field(default=0.02, gt=0, lt=1)
    """Width of the rims that Boundary IoU compares, as a share of the image's diagonal; its paper has 0.02, and 0.005
    for Cityscapes."""
    policies: tuple[Literal["mmseg", "torchvision", "smp"], ...] = ()
    """Toolkits whose numbers for the same predictions stand beside ours; mmseg and torchvision know only pixels of one
    class."""
