"""Pictures with all bits that their files have, and the pages of a TIFF file as slices."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from lumbar.data.image_io import opened, upright, upright_size
from lumbar.data.mask_io import mask_size, read_codes
from medical.scans.values import check_size, finite, rescaled, whole_numbers
from medical.scans.volume import Layout, Volume

_CUT_OFF = ("Corrupt EXIF data", "Tag data larger than file", "Truncated")
"""How warnings of Pillow begin where a TIFF ends too early."""
_NUMBERS = ("1", "L", "P", "F", "I", "I;16", "I;16B", "I;16L", "I;16N")
"""Pillow's modes whose pixels are a number each, as those of a mask should be."""


def read_picture(path: Path, *, max_megapixels: float) -> Volume:
    """Reads a picture, turned as its EXIF data say, transparency ignored.

    Grey values keep their 8, 16 or 32 bits. Colours of whatever kind become RGB of 8 bits; of 16-bit colours the higher
    byte is kept. Palettes become the colours that one sees.

    Args:
        path: A PNG, TIFF, JPEG or BMP file; of a TIFF file all pages are read, of other files one.
        max_megapixels: A larger page is refused before it is decoded, and ten times as many pixels in all.

    Returns:
        Pixels (D, H, W, C) with a slice for each page, 1 or 3 channels.

    Raises:
        ValueError: The file is missing, damaged or too large, or its pages differ in size or kind.
    """
    with _whole(path) as image:
        return _volume(path, finite(_stacked(image, _pixels, max_megapixels)))


def read_picture_mask(path: Path, *, coloured: bool | None, max_megapixels: float) -> Volume:
    """Reads the numbers or the colours of a mask.

    Args:
        path: As in `read_picture`, but without loss.
        coloured: As in `read.read_mask`.
        max_megapixels: As in `read_picture`.

    Returns:
        Pixels (D, H, W, 1) of whole numbers or (D, H, W, 3) of colours.

    Raises:
        ValueError: As in `read_picture`; also a file with loss, and colours where there should be numbers.
    """
    with _whole(path) as image:
        pages = _pages(image)
        check_size((pages, *upright_size(image)), max_megapixels)
        seen = image.mode not in _NUMBERS if coloured is None else coloured
    mask_size(path)  # refuses files with loss
    if pages > 1:
        with _whole(path) as image:
            pixels = _stacked(image, partial(_mask_page, seen=seen), max_megapixels)
    else:
        codes = read_codes(path, coloured=seen, max_megapixels=max_megapixels)
        pixels = _split(codes)[None] if seen else codes[None, ..., None]
    if coloured is None and seen and not np.ptp(pixels, axis=3).any():
        pixels = pixels[..., :1]
    return _volume(path, whole_numbers(pixels))


@contextmanager
def _whole(path: Path) -> Iterator[Image.Image]:
    """Opens a file as `opened` does, and refuses a TIFF of which only the first pages are left.

    Pillow takes a list of pages that ends within an entry for the end of the list, and only warns.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with opened(path) as image:
            yield image
            ends = [text for one in told if (text := str(one.message)).startswith(_CUT_OFF)]
            if image.format == "TIFF" and ends:
                raise ValueError(f"its list of pages is cut off: copy the file again ({ends[0]})")


def _volume(path: Path, pixels: NDArray[Any]) -> Volume:
    return Volume(
        pixels=np.require(pixels, requirements=["C", "W"]),  # Pillow's arrays are read-only
        geometry=None,
        layout=Layout(),
        files=(path,),
        kind="picture",
        bits=pixels.itemsize * 8,
        colour=pixels.shape[3] == 3,
    )


def _pages(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1


def _stacked(
    image: Image.Image, read: Callable[[Image.Image], NDArray[Any]], max_megapixels: float
) -> NDArray[Any]:
    """Decodes (H, W, C) of all pages of an open file."""
    pages = _pages(image)
    first = upright_size(image)
    check_size((pages, *first), max_megapixels)
    if pages == 1:
        return read(upright(image))[None]
    stack = []
    for number, page in enumerate(ImageSequence.Iterator(image), 1):
        if (size := upright_size(page)) != first:
            raise ValueError(
                f"its pages differ in size, {first[1]} x {first[0]} on the first and {size[1]} x {size[0]} on page "
                f"{number}: save what belongs together as slices in one file, and thumbnails in none"
            )
        stack.append(read(page))
    if len({pixels.shape for pixels in stack}) > 1:
        raise ValueError("some of its pages are grey and some are in colours: save all as one")
    return np.stack(stack)


def _pixels(image: Image.Image) -> NDArray[Any]:
    """Decodes (H, W, C)."""
    if image.mode.startswith(("I", "F")):
        return rescaled(np.asarray(image), 1, 0)[..., None]
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))[..., None]
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))


def _mask_page(image: Image.Image, *, seen: bool) -> NDArray[Any]:
    """Decodes the colours (H, W, 3) that one sees, or the numbers (H, W, 1), of one page among several."""
    if seen:
        return np.asarray(image.convert("RGB"))
    if image.mode not in _NUMBERS:
        raise ValueError(f"pixels are {image.mode}, but the classes have numbers: save grey pages")
    return np.asarray(image)[..., None]


def _split(codes: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours (H, W, 3) from 65536 red + 256 green + blue (H, W)."""
    colours: NDArray[np.uint8] = (codes[..., None] >> np.array([16, 8, 0]) & 255).astype(np.uint8)
    return colours
