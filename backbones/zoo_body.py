"""Residual networks of other zoos, made to mean the same behind our normalisation of RGB pixels."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from backbones.catalogue import ARCHS
from backbones.files import WeightsFile, few
from backbones.input_channels import Stem, fold_channels
from backbones.network import make_network
from backbones.norm import make_norm
from backbones.pixels import IMAGENET_MEAN, IMAGENET_STD, PixelNorm
from backbones.resnet import Arch, ResNet
from backbones.zoo import BODIES, CAFFE2, Layout, Style, find_layout
from backbones.zoo_translation import Translation

_MEANINGS: Mapping[Style, str] = {
    "caffe": "BGR pixels not divided by their deviation, stride in the first 1x1 convolution",
    "pytorch": "RGB pixels divided by their deviation, stride in the 3x3 convolution",
    "symmetric": "RGB pixels from -1 to 1, stride in the 3x3 convolution",
}
_EPS = 1e-5
_FIRST_WEIGHT = re.compile(r"(conv1|bn1|norm|conv1\.\d|layer\d\.[01]\..*)\.weight")
_FIRST = ("conv1.weight", "conv1.0.weight")
_NORM_WEIGHT = re.compile(r"(bn\d|downsample\.1)\.weight$")


class ZooBody(NamedTuple):
    """A residual network at rest."""

    arch: str
    """Its name in the catalogue."""
    translation: Translation
    """Its tensors."""


def translate_body(file: WeightsFile, source: str, style: Style | None = None) -> ZooBody:
    """Turns a residual network of another zoo into ours.

    Args:
        file: Its tensors under the zoo's names.
        source: Where they come from, for messages.
        style: What no name shows; None takes it from the file, or what is usual in the zoo.

    Raises:
        ValueError: The layout is unknown, or some tensor has no place in our network.
    """
    layout = find_layout(file.state, BODIES, source)
    translation = Translation.of(file.state, layout, source)
    if layout is CAFFE2:
        translation = _complete_norms(translation)
    style, reason = find_style(file, layout, source, style)
    translation = apply_style(translation, style, reason)
    arch = layout.network or find_arch(translation.state, style, source)
    has_statistics = any(name.endswith("running_mean") for name in translation.state)
    norm = make_norm("frozen" if has_statistics else "group")
    with torch.device("meta"):
        expected = make_network(arch, norm=norm).state_dict()
    return ZooBody(arch, translation.completed(expected, arch))


def find_style(
    file: WeightsFile, layout: Layout, source: str, asked: Style | None
) -> tuple[Style, str]:
    """The style of a file, and why.

    Raises:
        ValueError: The file normalises pixels in a way that is neither style's.
    """
    if asked:
        return asked, "as asked for"
    if {"pixel_mean", "pixel_std"} <= file.state.keys():
        return _style_of_pixels(file.state, source), "as its pixel_std says"
    if stated := stated_style(file.notes):
        return stated, "as the file says"
    others = " or ".join(style for style in _MEANINGS if style != layout.style)
    return layout.style, f"as usual with {layout.zoo} (convert with --style {others} if it is not)"


def stated_style(notes: Mapping[str, object]) -> Style | None:
    """What a file says beside its tensors: its author, or the text of an MMDetection config."""
    if notes.get("__author__") == "torchvision":
        return "pytorch"
    meta = notes.get("meta")
    texts = [str(meta.get(key)) for key in ("cfg", "config")] if isinstance(meta, Mapping) else []
    for style in _MEANINGS:
        if re.search(rf"""\bstyle['"]?\s*[:=]\s*['"]{style}""", " ".join(texts)):
            return style
    return None


def apply_style(
    translation: Translation, style: Style, reason: str, *, prefix: str = ""
) -> Translation:
    """Folds another normalisation of pixels into the first convolution, so that ours gives the same.

    Args:
        translation: With `conv1.weight` under the prefix.
        style: Of its pixels.
        reason: Why this style is taken, for the report.
        prefix: Of the residual network.

    Raises:
        ValueError: There is no first convolution of RGB images.
    """
    translation = translation.noted(f"{style} style ({_MEANINGS[style]}), {reason}")
    if style == "pytorch":
        return translation
    name = f"{prefix}conv1.weight"
    weight = translation.state.get(name)
    if weight is None or weight.shape[1:2] != (3,):
        raise ValueError(f"{translation.source}: no {name} for three colours")
    if style == "symmetric":
        return _from_symmetric(translation, prefix)
    return translation.changed(
        "folded, BGR to RGB and times the deviation", {name: fold_pixels(weight)}
    )


def fold_pixels(weight: Tensor) -> Tensor:
    """The first convolution for normalised RGB, from that for BGR in 0 to 255 of which only the mean was taken.

    Args:
        weight: (O, 3, k, k).

    Returns:
        (O, 3, k, k).
    """
    return weight.flip(1) * weight.new_tensor(IMAGENET_STD)[:, None, None]


def find_arch(state: Mapping[str, Tensor], style: Style, source: str, *, prefix: str = "") -> str:
    """The residual network of the catalogue with these units.

    Where several have the same tensors it is the first of them: the weights do not say whether there are shortcuts
    without weights, or a blur.

    Args:
        state: Tensors of any shape, scalar included, by our names; only the shapes matter.
        style: Tells where the stride is.
        source: Where they come from, for messages.
        prefix: Of the residual network.

    Raises:
        ValueError: There is none.
    """
    inside = {n.removeprefix(prefix): value for n, value in state.items() if n.startswith(prefix)}
    counts = tuple(
        sum(re.fullmatch(rf"layer{stage}\.\d+\.conv1\.weight", name) is not None for name in inside)
        for stage in range(1, 5)
    )
    depths = tuple(count for count in counts if count)
    convs = next((n for n in (3, 2) if f"layer1.0.conv{n}.weight" in inside), 1)
    stem = 3 if "conv1.0.weight" in inside else 1
    found = _shapes(inside)

    def misfit(name: str) -> tuple[int, bool]:
        arch = ARCHS[name]
        elsewhere = convs > 2 and (arch.block.stride_at == 0) != (style == "caffe")
        return len(found ^ _first_shapes(arch)), elsewhere

    fitting = [
        name
        for name, arch in ARCHS.items()
        if (arch.depths, len(arch.block.convs), len(arch.stem)) == (depths, convs, stem)
    ]
    if not fitting:
        raise ValueError(
            f"{source}: no known network has {counts} units of {convs} convolutions; "
            f"there are {few(ARCHS)} (`python -m backbones` lists all)"
        )
    return min(fitting, key=misfit)


@cache
def _first_shapes(arch: Arch) -> frozenset[tuple[str, tuple[int, ...]]]:
    """Of the weights in the first two units of each stage, which are all kinds of units that it has."""
    shallow = replace(arch, depths=tuple(min(2, depth) for depth in arch.depths))
    with torch.device("meta"):
        return _shapes(ResNet(shallow).state_dict())


def _shapes(state: Mapping[str, Tensor]) -> frozenset[tuple[str, tuple[int, ...]]]:
    weights = {name: value for name, value in state.items() if _FIRST_WEIGHT.fullmatch(name)}
    # Images may have any number of channels.
    return frozenset((n, (*v.shape[:1], *v.shape[1 + (n in _FIRST) :])) for n, v in weights.items())


def _from_symmetric(translation: Translation, prefix: str) -> Translation:
    """Folds the difference between two normalisations of RGB into the first convolution and the norm behind it."""
    conv, first_unit = f"{prefix}conv1.weight", f"{prefix}layer1.0."
    mean = f"{prefix}bn1.running_mean"
    if mean not in translation.state and f"{first_unit}downsample.0.weight" in translation.state:
        mean = f"{first_unit}bn1.running_mean"  # pre-activation: all that is computed goes through this norm
    if mean not in translation.state:
        raise ValueError(
            f"{translation.source}: pixels from -1 to 1, and no norm with statistics to take up the difference; "
            "convert with --style pytorch if they are not"
        )
    stem = Stem(translation.state[conv], translation.state[mean])
    stem = fold_channels(stem, PixelNorm([127.5] * 3, [127.5] * 3), PixelNorm.of_imagenet())
    tensors = {conv: stem.weight, mean: stem.running_mean}
    return translation.changed("folded, from pixels between -1 and 1", tensors)


def _style_of_pixels(state: Mapping[str, Tensor], source: str) -> Style:
    mean, std = (state[f"pixel_{what}"].flatten().tolist() for what in ("mean", "std"))
    styles: dict[Style, tuple[float, ...]] = {
        "caffe": (*IMAGENET_MEAN[::-1], 1, 1, 1),
        "pytorch": (*IMAGENET_MEAN, *IMAGENET_STD),
        "symmetric": (*[127.5] * 3, *[127.5] * 3),
    }
    for style, values in styles.items():
        if [round(value, 1) for value in mean + std] == [round(value, 1) for value in values]:
            return style
    raise ValueError(
        f"{source}: pixels less {mean} and divided by {std} are of neither style, caffe, pytorch or symmetric; "
        "give --style if they are nearly of one"
    )


def _complete_norms(translation: Translation) -> Translation:
    """Norms of Caffe2 without statistics are affine; the bias of its first convolution belongs into the mean."""
    state = translation.state
    if "bn1.running_mean" not in state:
        norms = [name.removesuffix("weight") for name in state if _NORM_WEIGHT.search(name)]
        means = {f"{n}running_mean": torch.zeros_like(state[f"{n}weight"]) for n in norms}
        variances = {
            f"{n}running_var": torch.full_like(state[f"{n}weight"], 1 - _EPS) for n in norms
        }
        translation = translation.changed("statistics of affine norms", means | variances)
    if "conv1.bias" in state and "bn1.running_mean" in translation.state:
        mean = translation.state["bn1.running_mean"] - state["conv1.bias"]
        translation = translation.changed("folded, less conv1_b", {"bn1.running_mean": mean})
        translation = translation.without("folded into the mean", "conv1.bias")
    return translation
