"""How zoos name the tensors of a residual network: tables from their names to ours, which are torchvision's."""

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from backbones.files import few

Style = Literal["caffe", "pytorch"]
"""What no name shows: the order and scale of pixels, and the place of the stride."""

CLASSIFIER = "classifier"


class Layout(NamedTuple):
    """The names of one zoo."""

    zoo: str
    sign: str
    """A name that this layout has and no other."""
    renames: tuple[tuple[str, str], ...] = ()
    """Patterns and what is put in their place, one after the other."""
    unneeded: Mapping[str, str] = MappingProxyType({})
    """Patterns of names that have no place here, and what their tensors are."""
    style: Style = "pytorch"
    """Of most of its files."""


DETECTRON2_STAGES = (
    (r"\bstem\.conv1\.norm\.", "bn1."),
    (r"\bstem\.conv1\.", "conv1."),
    *((rf"\bres{stage + 1}\.", f"layer{stage}.") for stage in range(1, 5)),
    (r"\.conv(\d)\.norm\.", r".bn\1."),
    (r"\.shortcut\.norm\.", ".downsample.1."),
    (r"\.shortcut\.", ".downsample.0."),
)
"""Also inside a detector."""

OPENMMLAB_STEM = ((r"\bstem\.7\.", "bn1."), (r"\bstem\.([0-6])\.", r"conv1.\1."))
"""Of its V1c, also inside a segmenter; timm calls a deep stem as we do."""

TORCHVISION = Layout(
    "torchvision or timm",
    sign="layer1.0.conv1.weight",
    renames=OPENMMLAB_STEM,  # whose networks have the other names of torchvision
    unneeded={r"^fc\.": CLASSIFIER},
)
MMPRETRAIN = Layout(
    "MMPretrain",
    sign="backbone.layer1.0.conv1.weight",
    renames=((r"^backbone\.", ""), *OPENMMLAB_STEM),
    unneeded={r"^head\.": CLASSIFIER},
)
DETECTRON2 = Layout(
    "detectron2",
    sign="res2.0.conv1.weight",
    renames=DETECTRON2_STAGES,
    unneeded={r"^(stem\.fc|linear)\.": CLASSIFIER},
    style="caffe",
)
CAFFE2 = Layout(
    "Caffe2",
    sign="res2_0_branch2a_w",
    renames=(
        (r"^res_conv1_bn_", "bn1."),
        (r"^conv1_", "conv1."),
        *((rf"^res{stage + 1}_(\d+)_", rf"layer{stage}.\1.") for stage in range(1, 5)),
        *((f"branch2{letter}_bn_", f"bn{place}.") for place, letter in enumerate("abc", 1)),
        *((f"branch2{letter}_", f"conv{place}.") for place, letter in enumerate("abc", 1)),
        ("branch1_bn_", "downsample.1."),
        ("branch1_", "downsample.0."),
        (r"\.[ws]$", ".weight"),
        (r"\.b$", ".bias"),
        (r"\.rm$", ".running_mean"),
        (r"\.riv$", ".running_var"),
    ),
    unneeded={r"^(fc1000|pred)_": CLASSIFIER},
    style="caffe",
)
BODIES = (TORCHVISION, MMPRETRAIN, DETECTRON2, CAFFE2)
"""Of residual networks alone."""


def find_layout(names: Collection[str], layouts: Sequence[Layout], source: str) -> Layout:
    """The layout whose sign is among the names.

    Raises:
        ValueError: None of the layouts.
    """
    for layout in layouts:
        if layout.sign in names:
            return layout
    known = "; ".join(f"{layout.zoo}, with {layout.sign}" for layout in layouts)
    raise ValueError(
        f"{source}: names of no known layout ({few(names)}); the known ones are {known}"
    )


def our_name(name: str, layout: Layout) -> str:
    """The name that a tensor of this layout has here."""
    for pattern, replacement in layout.renames:
        name = re.sub(pattern, replacement, name)
    return name
