"""Truth against prediction over an image: what was added and what was missed, told apart by colour and by pattern.

The two colours are Okabe and Ito's orange and sky blue, which people with any kind of colour vision can tell apart, and
what was missed is striped, so that a print without colours tells them apart, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE, Colour
from medical.pages.blocks import Legend, LegendEntry
from medical.pages.pictures import EDGE, RGB, drawn_size, spread, within

Labels = NDArray[np.uint8]
"""(H, W) class of each pixel, 0 for the background and IGNORE for what counts nowhere."""

FALSE_POSITIVE: Colour = (230, 159, 0)
FALSE_NEGATIVE: Colour = (86, 180, 233)
CONFUSED: Colour = (204, 121, 167)
_VOID: Colour = (128, 128, 128)
_LIGHT, _DARK = (255, 255, 255), (20, 20, 24)
_TINT, _STRIPE_TINT = 0.72, 0.3
_PIXELS_OF_A_LINE = 320
"""The edge of a drawing on which a line is one pixel wide."""


class Errors(NamedTuple):
    """Where a prediction is wrong: (..., H, W) bool each."""

    false_positive: NDArray[np.bool_]
    """Something is said to be where there is nothing."""
    false_negative: NDArray[np.bool_]
    """There is something, and nothing is said."""
    confused: NDArray[np.bool_]
    """There is something else."""


def errors_of(truth: Labels, prediction: Labels) -> Errors:
    """Compares labels of any shape (..., H, W); where the truth is IGNORE nothing is wrong."""
    there, said = (truth > 0) & (truth != IGNORE), (prediction > 0) & (truth != IGNORE)
    return Errors(said & ~there, there & ~said, there & said & (truth != prediction))


def error_overlay(
    image: RGB,
    truth: Labels,
    prediction: Labels,
    *,
    spacing: Sequence[float] = (1.0, 1.0),
    edge: int = EDGE,
) -> RGB:
    """Marks the errors over an image, and outlines the truth by a dashed line that is seen on any ground.

    Args:
        image: (H, W, 3).
        truth: (H, W).
        prediction: (H, W).
        spacing: Distance of rows and of columns, in one unit; pixels are drawn square.
        edge: Longest edge of the picture.

    Returns:
        (height, width, 3).
    """
    size = drawn_size(image.shape[:2], spacing, edge=edge)
    canvas, truth, prediction = (spread(part, size) for part in (image, truth, prediction))
    width = _line_width(size, edge)
    stripes = _stripes(size, 3 * width)
    wrong = errors_of(truth, prediction)
    _tint(canvas, wrong.false_positive, FALSE_POSITIVE, _TINT)
    _tint(canvas, wrong.false_negative, FALSE_NEGATIVE, np.where(stripes, _TINT, _STRIPE_TINT))
    _tint(canvas, wrong.confused, CONFUSED, _TINT)
    _tint(canvas, (truth == IGNORE) & stripes, _VOID, _TINT)
    outline = _outline(np.where(truth == IGNORE, 0, truth), width)
    dashes = _stripes(size, 3 * width)
    canvas[outline & dashes], canvas[outline & ~dashes] = _LIGHT, _DARK
    return within(canvas, edge)


def class_overlay(
    image: RGB,
    labels: Labels,
    colours: Sequence[Colour],
    *,
    spacing: Sequence[float] = (1.0, 1.0),
    edge: int = EDGE,
) -> RGB:
    """Tints and outlines each class in its colour over an image; the background is left as it is.

    Args:
        image: (H, W, 3).
        labels: (H, W).
        colours: Of the classes, the background first.
        spacing: Distance of rows and of columns, in one unit; pixels are drawn square.
        edge: Longest edge of the picture.

    Returns:
        (height, width, 3).
    """
    size = drawn_size(image.shape[:2], spacing, edge=edge)
    canvas, labels = spread(image, size), spread(labels, size)
    width = _line_width(size, edge)
    rims = _outline(labels, width)
    for label, colour in enumerate(colours):
        if label:
            _tint(canvas, labels == label, colour, 0.35)
            canvas[rims & (labels == label)] = colour
    _tint(canvas, (labels == IGNORE) & _stripes(size, 3 * width), _VOID, _TINT)
    return within(canvas, edge)


def plain(image: RGB, *, spacing: Sequence[float] = (1.0, 1.0), edge: int = EDGE) -> RGB:
    """The image (H, W, 3) alone, in the size of its overlays."""
    return within(spread(image, drawn_size(image.shape[:2], spacing, edge=edge)), edge)


def error_legend(*, several_classes: bool = False, void: bool = False) -> Legend:
    """What the colours and lines of `error_overlay` mean.

    Args:
        several_classes: Whether there are classes that can be confused.
        void: Whether there are pixels that count nowhere.
    """
    entries = [
        LegendEntry("false-positive", "added: predicted, but not there"),
        LegendEntry("false-negative", "missed: there, but not predicted"),
    ]
    if several_classes:
        entries.append(LegendEntry("confused", "found, but taken for another class"))
    entries.append(LegendEntry("outline", "outline of the truth"))
    if void:
        entries.append(LegendEntry("void", "not counted"))
    return Legend(tuple(entries))


def class_legend(names: Sequence[str], colours: Sequence[Colour]) -> Legend:
    """What the colours of `class_overlay` mean; the background has none."""
    pairs = zip(names[1:], colours[1:], strict=True)
    return Legend(tuple(LegendEntry("class", name, colour) for name, colour in pairs))


def _line_width(size: tuple[int, int], edge: int) -> int:
    # Of a drawing that is reduced to `edge` afterwards, lines are thicker by as much.
    return max(1, round(max(edge, *size) / _PIXELS_OF_A_LINE))


def _stripes(size: tuple[int, int], width: int) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: size[0], : size[1]]
    striped: NDArray[np.bool_] = (rows + columns) // width % 2 == 0
    return striped


def _outline(labels: Labels, width: int) -> NDArray[np.bool_]:
    """The pixels of a class, not of the background, within `width` of one with another label."""
    rims = np.zeros(labels.shape, dtype=bool)
    for lines, moved in ((rims, labels), (rims.T, labels.T)):
        for step in range(1, width + 1):
            differs = moved[step:] != moved[:-step]
            lines[step:] |= differs
            lines[:-step] |= differs
    return rims & (labels > 0)


def _tint(
    canvas: RGB, where: NDArray[np.bool_], colour: Colour, share: float | NDArray[np.float64]
) -> None:
    shares = np.broadcast_to(share, where.shape)[where][:, None]
    mixed = canvas[where] * (1 - shares) + np.array(colour) * shares
    canvas[where] = mixed.round().astype(np.uint8)
