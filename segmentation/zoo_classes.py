"""Classes of other zoos: their names, colours, and values in mask files."""

from collections.abc import Mapping
from typing import Any

from lumbar.data.class_lists import CLASS_LISTS
from lumbar.data.pixel_classes import PixelClasses, default_colours
from segmentation.zoo import TORCHVISION


def zoo_classes(count: int, zoo: str, notes: Mapping[str, object]) -> PixelClasses:
    """The classes of a segmenter.

    torchvision's are those of Pascal VOC. MMSegmentation writes names and colours into its files; where it counts the
    classes of a data set without its zero, zero is nothing here, too.

    Args:
        count: Of classes, K.
        zoo: Where the segmenter is from.
        notes: What stands beside its tensors.
    """
    voc = CLASS_LISTS["voc"]
    if zoo == TORCHVISION.zoo and count == len(voc):
        return voc
    stated = _stated(notes)
    names = _texts(stated.get("classes", stated.get("CLASSES")))
    if len({*names}) != count or len(names) != count:
        names = tuple(f"class {number}" for number in range(1, count + 1))
    colours = _colours(stated.get("palette", stated.get("PALETTE")))
    skips_zero = bool(stated.get("reduce_zero_label"))
    return PixelClasses(
        names,
        values=tuple((value + skips_zero,) for value in range(count)),
        colours=colours if len(colours) == count else default_colours(names),
        void=(0 if skips_zero else 255,),
    )


def _stated(notes: Mapping[str, object]) -> dict[str, Any]:
    meta = notes.get("meta")
    entries = dict(meta) if isinstance(meta, Mapping) else {}
    inner = entries.get("dataset_meta")
    return entries | dict(inner) if isinstance(inner, Mapping) else entries


def _texts(names: object) -> tuple[str, ...]:
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def _colours(palette: object) -> tuple[tuple[int, int, int], ...]:
    """The palette, if it is one: three numbers from 0 to 255 for each class."""
    rows = palette if isinstance(palette, list | tuple) else ()
    colours = []
    for row in rows:
        match row:
            case [int(red), int(green), int(blue)] if 0 <= min(row) <= max(row) <= 255:
                colours.append((red, green, blue))
    return tuple(colours)
