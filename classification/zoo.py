"""Whole classifiers of other zoos, made to mean the same here: a residual network and its one linear layer."""

from typing import NamedTuple

import torch
from torchvision.models import ResNet50_Weights, WeightsEnum

from backbones.files import WeightsFile
from backbones.pixels import PixelNorm
from backbones.weights import PUBLISHED
from backbones.zoo import CLASSIFIER
from backbones.zoo_body import translate_body
from backbones.zoo_translation import Translation
from classification.build import make_network
from classification.config import ClassificationConfig
from lumbar.training.load import config_from_dict

_OF_BODIES = {name: weights for name, weights in PUBLISHED.items() if "vgg" not in name}
PUBLISHED_CLASSIFIERS: dict[str, WeightsEnum] = {
    **{name.partition(".")[0]: weights for name, weights in _OF_BODIES.items()},
    **_OF_BODIES,
}
"""ImageNet classifiers of torchvision: `torchvision/resnet50.v1`, and without a version the newest."""

_IMAGENET = tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])
_LAYERS = ("fc", "head.fc")
"""Names of the linear layer."""


class ZooClassifier(NamedTuple):
    """A classifier at rest, and how it came here."""

    config: ClassificationConfig
    """The settings under which it means what it meant there."""
    class_names: tuple[str, ...]
    """What its labels mean."""
    translation: Translation
    """Its tensors."""


def translate_classifier(file: WeightsFile, source: str) -> ZooClassifier:
    """Turns a residual classifier of another zoo into ours.

    Its 1000 classes are taken for ImageNet's, as torchvision calls them; others have numbers.

    Args:
        file: Its tensors under the zoo's names.
        source: Where they come from, for messages; by the names of torchvision's their frame is known.

    Raises:
        ValueError: The layout is unknown, or some tensor has no place in our network.
    """
    arch, body = translate_body(file, source)
    translation = _with_layer(body, file, arch)
    num_classes = len(translation.state["fc.weight"])
    config = _config(arch, translation, source)
    with torch.device("meta"):
        expected = make_network(config, num_classes).state_dict()
    translation = translation.completed(expected, f"{arch} with {num_classes} classes")
    numbered = tuple(f"class {label}" for label in range(num_classes))
    names = _IMAGENET if num_classes == len(_IMAGENET) else numbered
    return ZooClassifier(config, names, translation)


def _with_layer(body: Translation, file: WeightsFile, arch: str) -> Translation:
    """The network with its linear layer, and our normalisation, which it was made for."""
    layer = next((name for name in _LAYERS if f"{name}.weight" in file.state), None)
    if layer is None:
        raise ValueError(
            f"{body.source}: {arch} without one linear layer for the classes ({_LAYERS[0]}.weight), which classifies "
            "nothing here; train_cls.py can start from it by model.backbone.weights"
        )
    origins = {f"fc.{kind}": f"{layer}.{kind}" for kind in ("weight", "bias")}
    rows = {name: file.state[origin] for name, origin in origins.items() if origin in file.state}
    if rows["fc.weight"].ndim == 4:  # timm has a convolution of single cells in its place
        rows["fc.weight"] = rows["fc.weight"].flatten(1)
    pixels = {f"pixels.{n}": value for n, value in PixelNorm.of_imagenet().state_dict().items()}
    inside = {f"backbone.{name}": value for name, value in body.state.items()}
    return body._replace(
        state=inside | rows | pixels,
        origins={f"backbone.{name}": origin for name, origin in body.origins.items()} | origins,
        notes={what: names for what, names in body.notes.items() if CLASSIFIER not in what},
    )


def _config(arch: str, translation: Translation, source: str) -> ClassificationConfig:
    """The network as it is used, and torchvision's frame: pixels by Pillow, whose sizes each of its files has."""
    has_statistics = any(name.endswith("running_mean") for name in translation.state)
    norm = "batch" if has_statistics else "group"
    frame = {"rule": "pil"}
    if source in PUBLISHED_CLASSIFIERS:
        stated = PUBLISHED_CLASSIFIERS[source].transforms()
        frame |= {"test_resize": stated.resize_size[0], "test_size": stated.crop_size[0]}
    backbone = {"name": arch, "weights": "none", "norm": norm, "freeze": []}
    return config_from_dict(
        ClassificationConfig, {"model": {"backbone": backbone}, "data": {"frame": frame}}
    )
