"""The values of masks: how often each occurs, and the line of YAML that gives them a meaning."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from lumbar.data.pixel_classes import PixelClasses, shortened
from medical.scans.read import read_mask
from medical.scans.volume import Volume

# Labels that a lossy file or a smooth resizing has smeared have values all over.
_MANY = 20
_SAMPLE = 24
"""Masks that are looked at where nothing says what their values mean."""
_BACKGROUND = "background"


def codes(mask: Volume) -> NDArray[Any]:
    """One whole number for each pixel of a mask.

    Args:
        mask: (D, H, W, 1) of numbers, or (D, H, W, 3) of colours.

    Returns:
        (D, H, W) of the numbers, or of 65536 red + 256 green + blue.
    """
    if mask.pixels.shape[-1] == 1:
        return mask.pixels[..., 0]
    weights = np.array([65536, 256, 1], dtype=np.int32)
    summed: NDArray[np.int32] = mask.pixels.astype(np.int32) @ weights
    return summed


def counted(values: NDArray[Any]) -> Counter[int]:
    """How often each number of an array of any shape occurs."""
    found, counts = np.unique(values, return_counts=True)
    return Counter(dict(zip(found.tolist(), counts.tolist(), strict=True)))


def shown(counts: Counter[int], *, coloured: bool) -> str:
    """Values with their numbers of pixels, the most frequent first."""
    named = (f"{value(code, coloured=coloured)} ({n} pixels)" for code, n in counts.most_common())
    return shortened([*named])


def value(code: int, *, coloured: bool) -> int | list[int]:
    """A code as one writes it in the settings: a number, or a colour."""
    return [code >> 16, code >> 8 & 255, code & 255] if coloured else code


def written(settings: Any) -> str:
    """A value as YAML on one line."""
    text: str = yaml.safe_dump(settings, default_flow_style=True, sort_keys=False, width=2**20)
    return text.removesuffix("...\n").strip()


def undeclared(counts: Counter[int], classes: PixelClasses) -> str:
    """Says which values have no meaning, and what to write to give them one.

    Args:
        counts: Pixels of each such code.
        classes: Those that have one.
    """
    return f"{unknown_values(counts, classes)}: {meaning_line(counts, classes)}"


def unknown_values(counts: Counter[int], classes: PixelClasses) -> str:
    """Names values without a meaning, and how many pixels have them."""
    return f"values that stand for no class: {shown(counts, coloured=classes.coloured)}"


def meaning_line(counts: Counter[int], classes: PixelClasses) -> str:
    """The line of the settings that gives values a meaning."""
    if len(counts) > _MANY:
        return (
            "so many of them come from a mask that was resized smoothly or stored in a lossy file, save it anew as "
            "PNG; or where each object has its own number, write `any` for their class"
        )
    coloured = classes.coloured
    extra = {_name(code, coloured): value(code, coloured=coloured) for code in sorted(counts)}
    void = [value(code, coloured=coloured) for code in sorted(counts)]
    return (
        f"write `classes: {written(_declared(classes) | extra)}` with names of yours, or `void: {written(void)}` if "
        "they are to count nowhere"
    )


def proposed_classes(masks: Sequence[Path]) -> str:
    """Counts the values of some masks, and says how the settings could name them.

    Args:
        masks: All of a study; two dozen, evenly taken from them, are read.

    Raises:
        ValueError: None can be read.
    """
    step = -(-len(masks) // _SAMPLE)
    total: Counter[int] = Counter()
    coloured, faults = False, []
    for file in masks[::step]:
        try:
            mask = read_mask(file)
        except ValueError as error:
            faults.append(str(error))
            continue
        coloured |= mask.pixels.shape[-1] == 3
        total += counted(codes(mask))
    if not total:
        raise ValueError(faults[0])
    entry: dict[str, Any] = {_BACKGROUND: 0} if not coloured else {_BACKGROUND: [0, 0, 0]}
    rest = [code for code in sorted(total) if code != 0]
    if len(rest) > _MANY and not coloured:
        entry["object"] = "any"
    else:
        entry |= {_name(code, coloured): value(code, coloured=coloured) for code in rest[:_MANY]}
    return (
        f"the masks hold {shown(total, coloured=coloured)}: write `classes: {written(entry)}` with names of yours, the "
        "background first"
    )


def _declared(classes: PixelClasses) -> dict[str, Any]:
    """The classes as the settings write them."""
    entries: Mapping[str, list[Any]] = dict(
        zip(classes.names, classes.to_dict()["values"], strict=True)
    )
    return {
        name: values[0] if len(values) == 1 else [v if isinstance(v, list) else [v] for v in values]
        for name, values in entries.items()
    }


def _name(code: int, coloured: bool) -> str:  # noqa: FBT001
    return f"class_{code:06x}" if coloured else f"class_{code}"
