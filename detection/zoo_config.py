"""The settings under which the weights of another zoo mean here what they meant there."""

from collections.abc import Mapping

from torch import Tensor

from backbones.zoo import Style
from backbones.zoo_translation import Translation
from detection.config import DetectionConfig
from detection.presets import PRESETS
from detection.zoo import BODY, BOX_HEAD, DETECTRON2, LATERALS, MMDETECTION, TORCHVISION
from lumbar.training.load import config_from_dict, override_config

LAST_LAYERS = {"two_fc": f"{BOX_HEAD}.fc7.weight", "four_conv_fc": f"{BOX_HEAD}.5.weight"}


def find_config(
    translation: Translation, *, arch: str, style: Style, published: bool
) -> DetectionConfig:
    """Reads settings off the names and shapes of a detector's tensors, over the preset of its zoo.

    Args:
        translation: The detector under our names.
        arch: Of its residual network.
        style: Of its residual network.
        published: Whether torchvision published it, which sets the epsilon of its frozen norms to zero.
    """
    state = translation.state
    head = "four_conv_fc" if LAST_LAYERS["four_conv_fc"] in state else "two_fc"
    preset = _PRESETS[translation.zoo]
    if (preset, head) == ("torchvision", "four_conv_fc"):
        preset = "torchvision_v2"
    settings = {
        "model.backbone.name": arch,
        "model.backbone.weights": "none",
        "model.backbone.norm": _norm_of_body(translation, style),
        "model.fpn.channels": len(state[f"{LATERALS}.0.0.weight"]),
        "model.fpn.norm": _norm_of(state, f"{LATERALS}.0.1."),
        "model.rpn.convs": len({n.split(".")[3] for n in state if n.startswith("rpn.head.conv.")}),
        "model.roi.head": head,
        "model.roi.head_norm": _norm_of(state, f"{BOX_HEAD}.0.1."),
        "model.roi.head_dim": len(state[LAST_LAYERS[head]]),
    }
    if published and settings["model.backbone.norm"] == "frozen":
        settings["model.backbone.norm_eps"] = 0.0
    config = config_from_dict(DetectionConfig, {"preset": preset, **PRESETS[preset]})
    return override_config(config, [f"{key}={value}" for key, value in settings.items()])


_PRESETS = {
    TORCHVISION.zoo: "torchvision",
    DETECTRON2.zoo: "detectron2",
    MMDETECTION.zoo: "mmdet",
}


def _norm_of_body(translation: Translation, style: Style) -> str:
    norm = _norm_of(translation.state, f"{BODY}bn1.")
    if norm == "batch" and translation.zoo == MMDETECTION.zoo:
        return "eval" if style == "pytorch" else "frozen"
    is_counted = f"{BODY}bn1.num_batches_tracked" in translation.state
    return norm if is_counted or norm != "batch" else "frozen"


def _norm_of(state: Mapping[str, Tensor], prefix: str) -> str:
    if f"{prefix}running_mean" in state:
        return "batch"
    return "group" if f"{prefix}weight" in state else "none"
