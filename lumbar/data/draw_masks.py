"""Pictures of masks for people: an image under the colours of its classes, with outlines, names and a legend.

Colour is never all there is to see: outlines part neighbours, large regions carry their names, and the legend has them
all. A class whose colour is black, such as a background, leaves the image as it is.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lumbar.data.draw import Colour, Font, Picture, enlarged
from lumbar.data.interpolation import single_threaded_opencv
from lumbar.data.pixel_classes import IGNORE

_PAPER = (255, 255, 255)
_INK = (24, 24, 27)
_HATCHING = (128, 128, 128)
_STRIPE = 4
"""Width of its stripes in pixels, along the edges."""
_TINT, _FULL = 118, 256
"""How much of the class colour is over the image, of 256: of regions, and of their outlines."""
_SOUGHT_EDGE = 256
"""Places for names are sought in masks thinned out to about this."""


def draw_masks(
    image: Picture, labels: NDArray[np.uint8], names: Sequence[str], colours: Sequence[Colour]
) -> Picture:
    """Lays the colours of classes over an image; small images are enlarged by a whole number first.

    Args:
        image: (H, W, 3) RGB or (H, W, 1) grey.
        labels: (H, W) class of each pixel, IGNORE is hatched; or (K, H, W) 0 or 1 for each class, where they overlap
            their colours are mixed.
        names: Name of each class.
        colours: Colour of each class.

    Returns:
        (k H, k W, 3) RGB for some whole k >= 1.
    """
    canvas = enlarged(image)
    factor = len(canvas) // len(image)
    labels = labels.repeat(factor, -2).repeat(factor, -1)
    painted = Image.fromarray(_painted(canvas, labels, colours))
    _write_names(painted, labels, names, colours)
    return np.array(painted)


def with_legend(picture: Picture, names: Sequence[str], colours: Sequence[Colour]) -> Picture:
    """Puts a legend under an (H, W, 3) RGB picture: a patch of colour with a name for each class, in even columns."""
    width = picture.shape[1]
    size = max(12, round(min(picture.shape[:2]) / 36))
    entry = round(max(_font(size).getlength(name) for name in names) + size * 3)
    columns = min(max(1, (width - size) // entry), len(names))
    rows = -(-len(names) // columns)
    paper = Image.new("RGB", (width, round((rows * 1.7 + 1) * size)), _PAPER)
    pen = ImageDraw.Draw(paper)
    for number, (name, colour) in enumerate(zip(names, colours, strict=True)):
        column, row = divmod(number, rows)
        left, middle = size + column * entry, (1.35 + row * 1.7) * size
        patch = (left, middle - size / 2, left + size * 1.3, middle + size / 2)
        pen.rectangle(patch, fill=colour if any(colour) else _PAPER, outline=_INK)
        pen.text((left + size * 1.8, middle), name, _INK, _font(size), anchor="lm")
    return np.concatenate((picture, np.array(paper)))


def _painted(
    picture: Picture, labels: NDArray[np.uint8], colours: Sequence[Colour]
) -> NDArray[np.uint8]:
    """The picture under tints and outlines; labels are of its pixels."""
    tints, strengths = (_mixed if labels.ndim == 3 else _looked_up)(labels, colours)
    outlines = _outlines(labels, max(1, round(min(picture.shape[:2]) / 400)))
    # An outline has the full colour on the side that has one, and is dark on the other.
    strengths[outlines] = np.where(strengths[outlines] == 0, _TINT, _FULL)
    weights = strengths[..., None]
    return ((picture * (_FULL - weights) + tints * weights) // _FULL).astype(np.uint8)


def _looked_up(
    labels: NDArray[np.uint8], colours: Sequence[Colour]
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Colour (H, W, 3) and strength (H, W) for one class (H, W) at each pixel."""
    table = np.zeros((IGNORE + 1, 3), dtype=np.uint16)
    table[: len(colours)] = colours
    table[IGNORE] = _HATCHING
    strengths = np.where(table.any(1), _TINT, 0).astype(np.uint16)[labels]
    rows, columns = np.ogrid[: labels.shape[0], : labels.shape[1]]
    strengths[(labels == IGNORE) & ((rows + columns) // _STRIPE % 2 == 0)] = 0
    return table[labels], strengths


def _mixed(
    labels: NDArray[np.uint8], colours: Sequence[Colour]
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Colour (H, W, 3) and strength (H, W) for several classes (K, H, W) at each pixel."""
    table = np.array(colours, dtype=np.uint16)
    visible = table.any(1)
    masks = (labels[visible] == 1).astype(np.uint16)
    count = masks.sum(0, dtype=np.uint16)
    total = np.einsum("khw,kc->hwc", masks, table[visible])
    tints: NDArray[np.uint16] = total // np.maximum(count, 1)[..., None]
    return tints, np.where(count, _TINT, 0).astype(np.uint16)


def _outlines(labels: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    """The pixels (H, W) within so many of one with other labels to the side, above or below."""
    layers = labels.reshape(-1, *labels.shape[-2:])
    outlines = np.zeros(layers.shape[1:], dtype=bool)
    for lines, moved in ((outlines, layers), (outlines.T, layers.swapaxes(1, 2))):
        differs = (moved[:, width:] != moved[:, :-width]).any(0)
        lines[width:] |= differs
        lines[:-width] |= differs
    return outlines


def _write_names(
    picture: Image.Image,
    labels: NDArray[np.uint8],
    names: Sequence[str],
    colours: Sequence[Colour],
) -> None:
    """Writes the name of each class into its widest part, where there is room for it."""
    pen = ImageDraw.Draw(picture)
    size = max(12, round(min(picture.size) / 36))
    step = max(1, min(labels.shape[-2:]) // _SOUGHT_EDGE)
    thinned = _without_overlaps(labels[..., ::step, ::step])
    for label, (name, colour) in enumerate(zip(names, colours, strict=True)):
        mask = thinned == label
        if any(colour) and mask.any():
            (x, y), radius = _widest_part(mask)
            left, top, right, bottom = _font(size).getbbox(name)
            if radius * step * 2 > max(bottom - top, (right - left) * 0.6):
                place = ((x + 0.5) * step, (y + 0.5) * step)
                stroke = max(2, size // 12)
                pen.text(
                    place, name, _PAPER, _font(size), "mm", stroke_width=stroke, stroke_fill=_INK
                )


def _without_overlaps(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The one class (H, W) of each pixel, IGNORE where there are more, or none."""
    if labels.ndim == 2:
        return labels
    masks = labels == 1
    return np.where(masks.sum(0) == 1, masks.argmax(0), IGNORE).astype(np.uint8)


def _widest_part(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], float]:
    """Centre (x, y) and radius in pixels of the largest disc that a mask holds."""
    library = single_threaded_opencv()
    padded = np.pad(mask.astype(np.uint8), 1)
    depths = library.distanceTransform(padded, library.DIST_L2, library.DIST_MASK_5)[1:-1, 1:-1]
    y, x = np.unravel_index(depths.argmax(), depths.shape)
    return (int(x), int(y)), float(depths[y, x])


@lru_cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)
