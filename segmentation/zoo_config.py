"""The settings under which the weights of another zoo mean here what they meant there."""

from collections.abc import Mapping
from typing import Any

from backbones.files import State
from backbones.zoo_translation import Translation
from lumbar.training.load import config_from_dict
from segmentation.config import SegmentationConfig
from segmentation.zoo import LATERALS, MMSEGMENTATION_FCN, SMP, TORCHVISION
from segmentation.zoo_recipe import Sections, stated_settings

LAST_LAYERS = {
    "fpn": "classifier.conv_seg",
    "concat": "classifier.conv_seg",
    "fcn": "classifier.4",
}
"""What predicts, by head."""

_STARTS = {
    "fpn": "classifier.scale_heads.",
    "concat": "classifier.convs.",
    "fcn": "classifier.0.",
}
_NEEDED = {
    "fpn": ("classifier.scale_heads.p2.0.0.weight", f"{LATERALS}.0.0.weight"),
    "concat": ("classifier.convs.0.0.weight",),
    "fcn": ("classifier.0.weight",),
}
"""What settings are read off, by head."""
_HABITS: Mapping[str, Sections] = {
    TORCHVISION.zoo: {
        "model.backbone": {"norm": "batch", "output_stride": 8},
        "model.head": {"norm": "batch"},
        "model.aux": {"weight": 0.5},
        "data.resize": {"short": 520, "test_short": 520, "rule": "pil"},
        "data": {"pad_multiple": 1},
        "scores": {"at": "resized"},
    },
    MMSEGMENTATION_FCN.zoo: {
        "model.backbone": {"norm": "sync", "output_stride": 8},
        "model.head": {"norm": "sync"},
        "model.aux": {"weight": 0.4},
        "data.resize": {"rule": "opencv"},
        "data": {"pad_multiple": 1},
    },
    SMP.zoo: {
        "model.backbone": {"norm": "batch"},
        "model.head": {"norm": "group", "dropout": 0.2, "align_corners": True},
    },
}
"""How a zoo does what no tensor shows."""
_PYRAMIDS: Sections = {"model.backbone": {"output_stride": 32}}


def find_config(
    translation: Translation, *, arch: str, in_channels: int, model: Mapping[str, Any]
) -> SegmentationConfig:
    """Reads settings off the names and shapes of a segmenter's tensors, over what is stated and the habits of its zoo.

    Args:
        translation: The segmenter under our names.
        arch: Of its residual network.
        in_channels: Of its images.
        model: What MMSegmentation states of it; empty where nothing is.

    Raises:
        ValueError: It is stated to compute what nothing here computes.
    """
    head = head_of(translation)
    layers = (
        _HABITS[translation.zoo],
        _PYRAMIDS if head == "fpn" else {},
        stated_settings(model, translation.source) if model else {},
        _seen(translation.state, head),
        {"model.backbone": {"name": arch, "in_channels": in_channels}},
    )
    settings: dict[str, Any] = {}
    for section, values in (entry for layer in layers for entry in layer.items()):
        _inside(settings, section).update(values)
    return config_from_dict(SegmentationConfig, settings)


def _seen(state: State, head: str) -> Sections:
    """What names and shapes show."""
    sections: dict[str, dict[str, Any]] = {
        "": {"task": "multiclass"},
        "model.backbone": {"weights": "none", "freeze": []},
        "model.head": {"name": head},
    }
    if len(state[f"{LAST_LAYERS[head]}.weight"]) == 1:
        sections[""] = {"task": "multilabel"}
    if head == "fpn":
        sections["model.head"] |= {"channels": len(state[_NEEDED["fpn"][0]])}
        sections["model.fpn"] = {"channels": len(state[f"{LATERALS}.0.0.weight"])}
    if f"{LATERALS}.0.1.weight" in state:
        sections["model.fpn"] |= {"norm": "sync"}
    if "aux_classifier.0.weight" not in state:
        sections["model.aux"] = {"weight": 0.0}
    return sections


def head_of(translation: Translation) -> str:
    """The name of a segmenter's head.

    Raises:
        ValueError: What its settings would be read off is not there.
    """
    state = translation.state
    head = next(
        head for head, start in _STARTS.items() if any(name.startswith(start) for name in state)
    )
    last = LAST_LAYERS[head]
    for name in (*_NEEDED[head], f"{last}.weight", f"{last}.bias"):
        if name not in state:
            raise ValueError(
                f"{translation.source}: names as by {translation.zoo}, but not a whole segmenter with the head "
                f"{head}, there is nothing for {name}"
            )
    return head


def _inside(settings: dict[str, Any], section: str) -> dict[str, Any]:
    """The mapping of a section, made where there is none."""
    for name in filter(None, section.split(".")):
        settings = settings.setdefault(name, {})
    return settings
