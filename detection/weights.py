"""Whole detectors as files: Lumbar's own, and torchvision's Faster R-CNN read into the same names.

torchvision's parameter names are native here. What differs is the order of the classes (background first there, last
here), the box rows of the background, which nothing uses, and the order in which a pooled region is flattened.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

import lumbar
from backbones.pixels import PixelNorm
from backbones.weights import LoadReport, fetch, load_into, read_state
from detection.box_head import cells_first
from detection.build import make_detector
from detection.config import DetectionConfig, ModelConfig
from detection.faster_rcnn import FasterRCNN
from detection.presets import PRESETS
from lumbar.data.categories import Categories
from lumbar.training.checkpoint import load_weights, save_weights
from lumbar.training.load import config_from_dict, config_to_dict

TORCHVISION_DETECTORS = ("torchvision/fasterrcnn_resnet50_fpn",)
_DEPTH_OF_LAYER3 = {(2, False): 18, (6, False): 34, (6, True): 50, (23, True): 101, (36, True): 152}
_CLASS_ROWS = "roi_heads.box_predictor.cls_score"
_BOX_ROWS = "roi_heads.box_predictor.bbox_pred"
_FIRST_LAYER = "roi_heads.box_head.fc6.weight"
_OLD_NAMES = (
    (re.compile(r"(inner_blocks|layer_blocks)\.(\d)\.(weight|bias)$"), r"\1.\2.0.\3"),
    (re.compile(r"^rpn\.head\.conv\.(weight|bias)$"), r"rpn.head.conv.0.0.\1"),
)


class DetectorWeights(NamedTuple):
    """A detector at rest."""

    state: dict[str, Tensor]
    """Parameters and buffers under Lumbar's names."""
    config: DetectionConfig
    """The settings it was made with."""
    categories: Categories
    """Its classes."""


def save_detector(path: Path, weights: DetectorWeights) -> None:
    """Writes a `.safetensors` file that holds weights, settings and class names.

    Args:
        path: The file.
        weights: The detector.
    """
    metadata = {
        "lumbar": lumbar.__version__,
        "config": json.dumps(config_to_dict(weights.config)),
        "categories": json.dumps(weights.categories.to_dict()),
    }
    save_weights(path, weights.state, metadata)


def load_detector(source: str) -> DetectorWeights:
    """Reads a detector from wherever it comes.

    Args:
        source: A `.safetensors` file of Lumbar, a `.pth` file of torchvision's Faster R-CNN, or
            `torchvision/fasterrcnn_resnet50_fpn`, which is fetched once.

    Returns:
        Weights under Lumbar's names, with settings and classes.

    Raises:
        ValueError: If the source is missing or is not a detector.
    """
    if source in TORCHVISION_DETECTORS:
        state = fetch(_published_weights(), source, instead="give --weights FILE")
        return from_torchvision_state(state, source)
    path = Path(source)
    if not path.is_file():
        raise ValueError(
            f"{source}: no such weights file; give a model.safetensors of a run folder, a torchvision "
            f".pth file, or {' or '.join(TORCHVISION_DETECTORS)}"
        )
    if path.suffix == ".safetensors":
        return _from_lumbar(path)
    return from_torchvision_state(read_state(path), source)


def remap_classes(weights: DetectorWeights, categories: Categories) -> dict[str, Tensor]:
    """Reorders the class rows for another set of classes, by name.

    Args:
        weights: The detector whose rows are taken over; its class logits are (K + 1, dim).
        categories: The new classes.

    Returns:
        The state with class rows for the new classes, or without them where no name agrees.
    """
    state = dict(weights.state)
    if weights.categories.names == categories.names:
        return state
    old = {name: row for row, name in enumerate(weights.categories.names)}
    shared = {new: old[name] for new, name in enumerate(categories.names) if name in old}
    for kind in ("weight", "bias"):
        classes = state.pop(f"{_CLASS_ROWS}.{kind}")
        boxes = state.pop(f"{_BOX_ROWS}.{kind}").unflatten(0, (-1, 4))
        if shared:
            state[f"{_CLASS_ROWS}.{kind}"] = _taken_over(
                classes, {**shared, len(categories): len(old)}, len(categories) + 1
            )
            taken = _taken_over(boxes, shared, len(categories))
            state[f"{_BOX_ROWS}.{kind}"] = taken.flatten(0, 1)
    return state


def _taken_over(rows: Tensor, sources: Mapping[int, int], count: int) -> Tensor:
    """`count` rows: those with a source are copied, the others start at zero."""
    taken = rows.new_zeros((count, *rows.shape[1:]))
    taken[list(sources)] = rows[list(sources.values())]
    return taken


def _from_lumbar(path: Path) -> DetectorWeights:
    state, metadata = load_weights(path)
    if "config" not in metadata or "categories" not in metadata:
        raise ValueError(
            f"{path}: holds no Lumbar detector (no config and classes in its metadata)"
        )
    config = config_from_dict(DetectionConfig, json.loads(metadata["config"]))
    return DetectorWeights(state, config, Categories.from_dict(json.loads(metadata["categories"])))


def from_torchvision_state(state: Mapping[str, Tensor], source: str) -> DetectorWeights:
    """Turns the state of torchvision's `fasterrcnn_resnet*_fpn`, saved before or after its rewrite of 2022, into ours.

    Args:
        state: torchvision's tensors by name; the class logits are (K + 1, dim), the background first.
        source: Where they come from, for messages.

    Returns:
        Weights under our names, with the settings that they were trained under.

    Raises:
        ValueError: If it is not such a detector.
    """
    if f"{_CLASS_ROWS}.weight" not in state or _FIRST_LAYER not in state:
        raise ValueError(
            f"{source}: not a Faster R-CNN with a two-layer box head as torchvision saves it "
            f"(no {_CLASS_ROWS}.weight or no roi_heads.box_head.fc6.weight)"
        )
    renamed = {_new_name(name): tensor for name, tensor in state.items()}
    is_published = source in TORCHVISION_DETECTORS or set(renamed) != set(state)
    config = _torchvision_config(renamed, eps=0.0 if is_published else 1e-5)
    categories = _torchvision_categories(len(renamed[f"{_CLASS_ROWS}.bias"]) - 1)
    pixels = {f"pixels.{key}": value for key, value in PixelNorm.of_imagenet().state_dict().items()}
    return DetectorWeights(_to_our_order(renamed) | pixels, config, categories)


def _new_name(name: str) -> str:
    for pattern, replacement in _OLD_NAMES:
        name = pattern.sub(replacement, name)
    return name


def _to_our_order(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Moves the background's class row behind the others, drops its box rows, and flattens regions by cell."""
    moved = dict(state)
    for kind in ("weight", "bias"):
        moved[f"{_CLASS_ROWS}.{kind}"] = state[f"{_CLASS_ROWS}.{kind}"].roll(-1, 0)
        moved[f"{_BOX_ROWS}.{kind}"] = state[f"{_BOX_ROWS}.{kind}"][4:]
    channels = len(state["backbone.fpn.inner_blocks.0.0.bias"])
    moved[_FIRST_LAYER] = cells_first(state[_FIRST_LAYER], channels)
    return moved


def _torchvision_config(state: Mapping[str, Tensor], *, eps: float) -> DetectionConfig:
    """The settings under which the tensors mean what they meant there."""
    blocks = {name.split(".")[3] for name in state if name.startswith("backbone.body.layer3.")}
    depth = _DEPTH_OF_LAYER3[len(blocks), "backbone.body.layer3.0.conv3.weight" in state]
    has_batch_norm = "backbone.body.bn1.num_batches_tracked" in state
    convs = {name.split(".")[3] for name in state if name.startswith("rpn.head.conv.")}
    settings: dict[str, Any] = {
        "preset": "torchvision",
        "model": {
            **PRESETS["torchvision"]["model"],
            "backbone": {
                "name": f"resnet{depth}",
                "norm": "batch" if has_batch_norm else "frozen",
                "norm_eps": eps,
            },
            "fpn": {"channels": len(state["backbone.fpn.inner_blocks.0.0.bias"])},
        },
        "data": PRESETS["torchvision"]["data"],
    }
    settings["model"]["rpn"] = {**settings["model"]["rpn"], "convs": len(convs)}
    settings["model"]["roi"] = {
        **settings["model"]["roi"],
        "head_dim": len(state["roi_heads.box_head.fc6.bias"]),
    }
    return config_from_dict(DetectionConfig, settings)


def _torchvision_categories(num_classes: int) -> Categories:
    """torchvision's labels are COCO's category ids, with gaps; other class counts have no names."""
    names = _published_weights().meta["categories"][1:]
    if num_classes != len(names):
        names = [f"class {number}" for number in range(1, num_classes + 1)]
    return Categories(tuple(names), tuple(range(1, num_classes + 1)))


def _published_weights() -> Any:
    from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

    return FasterRCNN_ResNet50_FPN_Weights.COCO_V1


def load_for_training(config: ModelConfig, categories: Categories) -> tuple[FasterRCNN, LoadReport]:
    """Builds a detector and starts it from the weights of another one, `config.weights`.

    Args:
        config: Of the detector to be trained.
        categories: Its classes; class rows are taken over where the names agree.

    Returns:
        The detector with its stages frozen as the config says, and the report.

    Raises:
        ValueError: If the weights are missing or of another network.
    """
    model = make_detector(config, len(categories))
    state = remap_classes(load_detector(config.weights), categories)
    return model, load_into(model, state, source=config.weights)
