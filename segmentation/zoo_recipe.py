"""What MMSegmentation states in the config of a file, in terms of ours."""

from collections.abc import Mapping
from typing import Any

from backbones.pixels import PixelNorm
from segmentation.zoo_text import part

Sections = Mapping[str, Mapping[str, Any]]
"""Settings by the section that they stand in."""

_DENSE = {
    8: ((1, 2, 1, 1), (1, 1, 2, 4)),
    16: ((1, 2, 2, 1), (1, 1, 1, 2)),
    32: ((1, 2, 2, 2), (1, 1, 1, 1)),
}
"""Strides and dilations of the stages by output stride, as MMSegmentation writes them."""


def stated_settings(model: Mapping[str, Any], source: str) -> Sections:
    """Turns what MMSegmentation states of a model into settings of ours, by section.

    Args:
        model: Its config; what it leaves out is as MMSegmentation has it by default.
        source: Where it comes from, for messages.

    Raises:
        ValueError: It is stated to compute what nothing here computes.
    """
    body, head, aux = (part(model, name) for name in ("backbone", "decode_head", "auxiliary_head"))
    kernels = [section.get("kernel_size", 3) for section in (head, aux)]
    if kernels != [3, 3]:
        raise ValueError(f"{source}: heads with kernels of {kernels}, those here have kernels of 3")
    sections = {
        "model.backbone": {"output_stride": _output_stride(body, source)},
        "model.head": {
            "dilation": head.get("dilation", 1),
            "dropout": head.get("dropout_ratio", 0.1),
            "align_corners": head.get("align_corners", False),
        },
        "inference": _windows(part(model, "test_cfg")),
    }
    if aux:
        weight = part(aux, "loss_decode").get("loss_weight", 1.0)
        sections["model.aux"] = {"weight": weight, "dilation": aux.get("dilation", 1)}
    return sections


def _windows(test: Mapping[str, Any]) -> dict[str, Any]:
    match test:
        case {
            "mode": "slide",
            "crop_size": (int(height), int(width)),
            "stride": (int(step), int()),
        } if 0 < step <= height:
            overlap = round(1 - step / height, 4)
            window = [height, width]
            return {"mode": "slide", "window": window, "overlap": overlap, "blend": "flat"}
    return {}


def _output_stride(body: Mapping[str, Any], source: str) -> int:
    strides, dilations = (body.get("strides", _DENSE[32][0]), body.get("dilations", _DENSE[32][1]))
    for stride, layout in _DENSE.items():
        spreads_late = stride == 32 or body.get("contract_dilation")
        if layout == (strides, dilations) and spreads_late and not body.get("multi_grid"):
            return stride
    raise ValueError(
        f"{source}: its residual network has strides {strides}, dilations {dilations}, contract_dilation "
        f"{body.get('contract_dilation', False)} and multi_grid {body.get('multi_grid')}; those here have the strides "
        f"and dilations {', '.join(map(str, _DENSE.values()))}, contracted and without a grid"
    )


def stated_pixels(recipe: Mapping[str, Any], channels: int, source: str) -> PixelNorm:
    """The normalisation of pixels, ImageNet's where nothing is stated.

    Args:
        recipe: The settings of a file whose network takes RGB, or other channels.
        channels: Of the images.
        source: Where they come from, for messages.

    Raises:
        ValueError: It is stated for BGR, or for another number of channels.
    """
    stated = part(recipe, "data_preprocessor", "img_norm_cfg")
    if "mean" not in stated:
        return PixelNorm.of_imagenet(channels)
    mean, std = _numbers(stated["mean"]), _numbers(stated.get("std"))
    is_turned = stated.get("bgr_to_rgb", stated.get("to_rgb"))
    if not len(mean) == len(std) == channels or (channels == 3 and not is_turned):
        raise ValueError(
            f"{source}: its config normalises pixels by {dict(stated)}; a mean and a std for each of {channels} "
            "channels are read here, and three are RGB"
        )
    return PixelNorm(mean, std)


def _numbers(values: Any) -> tuple[float, ...]:
    entries = values if isinstance(values, tuple) else ()
    return tuple(float(value) for value in entries if isinstance(value, int | float))
