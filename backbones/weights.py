"""Weights from files and from torchvision into modules, with a report of what went where."""

from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import torch
from torch import nn
from torchvision.models import WeightsEnum, get_model_weights

from backbones.files import UNREADABLE, State, few, read_weights, without_prefix
from backbones.input_channels import INPUT_RULES, refit_stem
from backbones.zoo import (
    DETECTRON2,
    MMPRETRAIN_D,
    RADIMAGENET,
    TIMM_PREACTIVATED,
    TORCHVISION,
    VGG_LAYOUTS,
    our_name,
)
from backbones.zoo_body import stated_style

PUBLISHED = {
    f"torchvision/{model}.{weights.name[-2:].lower()}": weights
    for model in (
        *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
        *("wide_resnet50_2", "wide_resnet101_2"),
        *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
        *("vgg16", "vgg16_bn", "vgg19", "vgg19_bn"),
    )
    for weights in get_model_weights(model)
    if weights.name.startswith("IMAGENET1K_V")
}
"""ImageNet weights of torchvision by our name for them, `torchvision/resnet50.v2`."""

_COUNTER = "num_batches_tracked"
_PIXELS = ("pixels.mean", "pixels.std")
_FOREIGN = (DETECTRON2, RADIMAGENET, TIMM_PREACTIVATED)
"""Whose pixels are others, or may be."""


@dataclass(frozen=True)
class LoadReport:
    """What became of the tensors of a file and of a module, by name."""

    source: str
    loaded: tuple[str, ...]
    reinitialised: tuple[str, ...] = ()
    """Tensors of the module that the file lacks, or has in another shape."""
    unused: tuple[str, ...] = ()
    """Tensors of the file that the module lacks, or has in another shape."""
    reshaped: tuple[str, ...] = ()
    """Loaded ones that were first adapted to another number of input channels."""

    def __str__(self) -> str:
        """A line of counts, then a line for each list that needs attention."""
        lines = [f"{self.source}: {len(self.loaded)} tensors loaded"]
        for what in ("reinitialised", "unused", "reshaped"):
            keys: tuple[str, ...] = getattr(self, what)
            if keys:
                lines.append(f"  {what} {len(keys)}: {few(keys)}")
        return "\n".join(lines)


def load_into(
    module: nn.Module, state: State, *, source: str, input_rule: str = "fold"
) -> LoadReport:
    """Loads the tensors that fit by name and shape; the others keep their initial values.

    The stem is adapted to the input channels of the module. What is not reported: counters of batches, on which nothing
    depends, and the normalisation of a whole model of which the module is the body.

    Args:
        module: Changed in place.
        state: Tensors of any shape by name.
        source: Name of the weights for the report and for errors.
        input_rule: How the stem is adapted, a name of `INPUT_RULES`.

    Raises:
        ValueError: Fewer than half of the tensors of the module fit.
    """
    own = module.state_dict()
    refitted = refit_stem(state, own, INPUT_RULES[input_rule])
    state = {**state, **refitted}
    fitted = {key: state[key] for key in own if key in state and state[key].shape == own[key].shape}
    report = LoadReport(
        source=source,
        loaded=_reported(fitted),
        reinitialised=_reported(key for key in own if key not in fitted),
        unused=_reported(key for key in state if key not in fitted and key not in _PIXELS),
        reshaped=_reported(key for key in refitted if key in fitted),
    )
    if len(report.loaded) < len(report.reinitialised):
        raise ValueError(
            f"{source}: weights of another network, {len(report.loaded)} of {len(_reported(own))} "
            f"tensors fit; unused: {few(report.unused)}; missing: "
            f"{few(report.reinitialised)}; name the network of the file, or take other weights"
        )
    module.load_state_dict(fitted, strict=False)
    return report


def fetch_backbone(name: str) -> State:
    """ImageNet weights of torchvision, from its cache, or fetched into it with their hash checked.

    Args:
        name: `torchvision/resnet50.v1` or another of `PUBLISHED`.

    Raises:
        ValueError: There are no such weights, or they are neither cached nor within reach.
    """
    if name not in PUBLISHED:
        raise ValueError(f"model.backbone.weights={name}: torchvision has {', '.join(PUBLISHED)}")
    state = fetch(
        PUBLISHED[name],
        f"model.backbone.weights={name}",
        instead="set model.backbone.weights=FILE, or train from scratch with model.backbone.weights=none "
        "and model.backbone.norm=group (or batch)",
    )
    return backbone_part(state)


def fetch(weights: WeightsEnum, wish: str, *, instead: str) -> State:
    """Published weights of torchvision, from its cache or else from its site, where their hash is checked.

    Args:
        weights: Which ones.
        wish: What the user asked for, to begin the error with.
        instead: What else the user can do.

    Raises:
        ValueError: They are neither cached nor within reach.
    """
    file = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
    try:
        state: State = weights.get_state_dict(
            progress=True, check_hash=True, weights_only=True, map_location="cpu"
        )
    except (*UNREADABLE, HTTPException) as error:
        found = "cannot be read" if file.exists() else "is not there"
        raise ValueError(
            f"{wish}: {file} {found}, and fetching {weights.url} failed ({error}); put that file there, or {instead}"
        ) from error
    return state


def read_backbone(path: Path, name: str) -> State:
    """Tensors of a residual network in a file, where it may stand alone or inside a larger model.

    Of a model of ours its normalisation is among them, `pixels.mean` and `pixels.std`, each (C,).

    Args:
        path: A .safetensors, .pth or .pt file with torchvision's names.
        name: The network that they are wanted for.

    Raises:
        ValueError: The file cannot be read, says that it is of another network, or has to be converted first.
    """
    state, notes = read_weights(path)
    arch = notes.get("arch", name)
    if arch != name:
        raise ValueError(
            f"{path}: weights of {arch} do not fit model.backbone.name={name}; set model.backbone.name={arch}"
        )
    foreign = any(key.endswith(layout.sign) for key in state for layout in _FOREIGN)
    if stated_style(notes) == "caffe" or foreign:
        raise ValueError(
            f"{path}: weights of another zoo, which would not mean the same here; first run "
            f"python tools/convert_weights.py {path} OUT.safetensors"
        )
    return backbone_part(state) | _pixels_in(state)


def backbone_part(state: State) -> State:
    """The residual network inside a larger model; names of a bare network stay as they are.

    Args:
        state: Tensors of any shape by name; a deep stem may have OpenMMLab's names.
    """
    layouts = (*VGG_LAYOUTS, MMPRETRAIN_D)
    if MMPRETRAIN_D.sign not in state:
        state = _inside(state)
    layout = next((layout for layout in layouts if layout.sign in state), TORCHVISION)
    return {our_name(name, layout): value for name, value in state.items()}


def read_timm(path: Path) -> State:
    """Tensors of a network of timm in a file, by timm's names, with the normalisation as in `read_backbone`.

    Args:
        path: A .safetensors, .pth or .pt file, where the network may stand alone or inside a model of ours.

    Raises:
        ValueError: The file cannot be read.
    """
    state, _ = read_weights(path)
    return without_prefix(_inside(state), "net.") | _pixels_in(state)


def load_timm(net: nn.Module, state: State, *, source: str) -> LoadReport:
    """Loads a network of timm.

    Args:
        net: Changed in place.
        state: Tensors of any shape by timm's names.
        source: Name of the weights for the report and for errors.

    Raises:
        ValueError: They are of another network.
    """
    report = load_into(net, state, source=source, input_rule="timm")
    if report.reinitialised:
        raise ValueError(
            f"{source}: not weights of this network of timm, {few(report.reinitialised)} are missing or differ"
        )
    return report


def _inside(state: State) -> State:
    for prefix in ("model.", "backbone.", "body."):
        state = without_prefix(state, prefix)
    return state


def _pixels_in(state: State) -> State:
    whole = without_prefix(state, "model.")
    return {name: whole[name] for name in _PIXELS if name in whole}


def _reported(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(key for key in keys if not key.endswith(_COUNTER))
