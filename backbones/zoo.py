"""How zoos name the tensors of a residual network: tables from their names to ours, which are torchvision's."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from backbones.files import few
from backbones.vgg import VGGS, VGGArch

Style = Literal["caffe", "pytorch", "symmetric"]
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
    network: str = ""
    """The only one that has these names, if there is only one."""


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
_MMPRETRAIN_STEM = tuple(
    (rf"\bstem\.{place}\.{theirs}\.", ours)
    for place in range(3)
    for theirs, ours in (
        ("conv", f"conv1.{3 * place}."),
        ("bn", f"conv1.{3 * place + 1}." if place < 2 else "bn1."),
    )
)
_OPENMMLAB_GATES = ((r"\.se_layer\.conv([12])\.(conv\.)?", r".se.fc\1."),)
_OPENMMLAB = (*_MMPRETRAIN_STEM, *OPENMMLAB_STEM, *_OPENMMLAB_GATES)


def vgg_places(arch: VGGArch) -> Iterator[tuple[int, str]]:
    """Yields the places of layers in torchvision's list `features`, with our names for them."""
    place = 0
    for stage, depth in enumerate(arch.depths):
        inside = f"stem.{stage}" if stage < 2 else f"layer{stage - 1}"
        for number in range(1, depth + 1):
            for kind in ("conv", "bn") if arch.normed else ("conv",):
                yield place, f"{inside}.{kind}{number}."
                place += 1
            place += 1  # ReLU
        place += 1  # maximum


def _vgg(name: str) -> Layout:
    renames = dict(vgg_places(VGGS[name]))
    last_conv = max(place for place, ours in renames.items() if ".conv" in ours)
    return Layout(
        "torchvision or timm",
        sign=f"features.{last_conv}.weight",
        renames=tuple((rf"^features\.{place}\.", ours) for place, ours in renames.items()),
        unneeded={r"^(classifier|pre_logits|head)\.": CLASSIFIER},
        network=name,
    )


VGG_LAYOUTS = tuple(map(_vgg, ("vgg19_bn", "vgg16_bn", "vgg19", "vgg16")))
"""Longest first: the last layer of a shorter one is some layer of a longer one."""
TORCHVISION = Layout(
    "torchvision or timm",
    sign="layer1.0.conv1.weight",
    renames=_OPENMMLAB,  # whose networks have the other names of torchvision
    unneeded={r"^fc\.": CLASSIFIER},
)
TIMM_PREACTIVATED = Layout(
    "timm",
    sign="stages.0.blocks.0.norm1.weight",
    renames=(
        (r"^stem\.conv\.", "conv1."),
        *((rf"^stages\.{stage}\.blocks\.", f"layer{stage + 1}.") for stage in range(4)),
        (r"\.norm(\d)\.", r".bn\1."),
        (r"\.downsample\.conv\.", ".downsample.0."),
    ),
    unneeded={r"^head\.": CLASSIFIER},
    style="symmetric",
)
RADIMAGENET = Layout(
    "RadImageNet",
    sign="backbone.4.0.conv1.weight",
    renames=(
        (r"^backbone\.0\.", "conv1."),
        (r"^backbone\.1\.", "bn1."),
        *((rf"^backbone\.{stage + 3}\.", f"layer{stage}.") for stage in range(1, 5)),
    ),
    unneeded={r"^(fc|classifier|linear)\.": CLASSIFIER},
    style="symmetric",
)
MMPRETRAIN_D = Layout(
    "MMPretrain",
    sign="backbone.layer2.0.downsample.2.weight",
    renames=(
        (r"^backbone\.", ""),
        # Its first stage has no average, and so another number.
        (r"^layer1\.0\.downsample\.1\.", "layer1.0.downsample.2."),
        (r"^layer1\.0\.downsample\.0\.", "layer1.0.downsample.1."),
        *_OPENMMLAB,
    ),
    unneeded={r"^head\.": CLASSIFIER},
)
MMPRETRAIN = Layout(
    "MMPretrain",
    sign="backbone.layer1.0.conv1.weight",
    renames=((r"^backbone\.", ""), *_OPENMMLAB),
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
BODIES = (
    *(TORCHVISION, MMPRETRAIN_D, MMPRETRAIN, DETECTRON2, CAFFE2),
    *(RADIMAGENET, TIMM_PREACTIVATED, *VGG_LAYOUTS),
)
"""Of networks alone."""


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
