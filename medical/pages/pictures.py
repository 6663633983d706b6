"""Arrays as pictures inside a page: of a sensible size, with square pixels, as PNG or WebP in the page itself."""

import base64
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from medical.pages.render import render

RGB = NDArray[np.uint8]
"""(H, W, 3) red, green and blue."""

EDGE = 640
"""Longest edge of a picture in pixels, unless told otherwise."""
_LARGE = 48_000
"""Bytes up to which a picture is kept without loss."""
_QUALITY = 88


class Picture(NamedTuple):
    """A picture in a page; a block of it."""

    address: str
    """A data URI: the file itself."""
    height: int
    width: int
    alternative: str
    """What it shows, in words."""
    caption: str = ""

    def html(self) -> Markup:
        """The picture with its caption; a click shows it larger."""
        return render("picture.html", picture=self)


def picture(pixels: RGB, alternative: str, *, caption: str = "", lossless: bool = False) -> Picture:
    """Puts an array into a page.

    Args:
        pixels: (H, W, 3) RGB or (H, W) grey, uint8.
        alternative: What it shows, in words.
        caption: Below it.
        lossless: Keeps every pixel as it is; else large pictures lose a little.

    Returns:
        The picture: a PNG, or a WebP where that would be large.
    """
    image = Image.fromarray(pixels)
    kind, data = "png", _encoded(image, "PNG", compress_level=3)
    if len(data) > _LARGE:
        kind, data = "webp", _encoded(image, "WEBP", quality=_QUALITY, lossless=lossless, method=2)
    address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(address, image.height, image.width, alternative, caption)


def as_rgb(pixels: NDArray[Any]) -> RGB:
    """Makes a picture of numbers in 0..255: three channels are colours, of any other number the first is shown.

    Args:
        pixels: (H, W, C) or (H, W); what lies outside of the range is cut off, and nan is black.

    Returns:
        (H, W, 3).
    """
    layered = pixels if pixels.ndim == 3 else pixels[..., None]
    shown = layered if layered.shape[2] == 3 else layered[..., :1]
    whole = np.nan_to_num(shown.astype(np.float32), nan=0.0, posinf=255.0, neginf=0.0)
    return np.broadcast_to(
        whole.round().clip(0, 255).astype(np.uint8), (*pixels.shape[:2], 3)
    ).copy()


def drawn_size(
    shape: Sequence[int], spacing: Sequence[float] = (1.0, 1.0), *, edge: int = EDGE
) -> tuple[int, int]:
    """The size to draw on: square pixels, small pictures enlarged by a whole number, large ones as they are.

    Args:
        shape: Height and width in pixels.
        spacing: Distance of rows and of columns, in one unit.
        edge: How long the longest edge may become by enlargement.

    Returns:
        Height and width.
    """
    finest = min(spacing)
    height, width = (size * step / finest for size, step in zip(shape, spacing, strict=True))
    factor = max(1, int(edge // max(height, width)))
    return max(1, round(height * factor)), max(1, round(width * factor))


def spread(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Brings rows and columns to a size by repeating them; nothing is mixed, so it serves labels, too.

    Args:
        pixels: (H, W) or (H, W, C).
        size: Height and width wanted.

    Returns:
        (height, width) or (height, width, C).
    """
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(size, pixels.shape[:2], strict=True)
    )
    repeated: NDArray[Any] = pixels[rows[:, None], columns]
    return repeated


def within(pixels: RGB, edge: int = EDGE) -> RGB:
    """Reduces a picture (H, W, 3) whose longest edge is longer than `edge`; others stay as they are."""
    longest = max(pixels.shape[:2])
    if longest <= edge:
        return pixels
    height, width = (max(1, round(size * edge / longest)) for size in pixels.shape[:2])
    reduced = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return np.array(reduced)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
