"""The one place where image files are decoded: size known and capped first, orientation applied, always 8 bits."""

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

# Only kinds that Pillow decodes by itself: EPS, for one, would start a PostScript interpreter.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_AXES = (5, 6, 7, 8)

# What Pillow raises for damaged files, depending on their kind.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error)


def read_image(
    path: Path, *, channels: int = 3, max_megapixels: float = 100.0
) -> NDArray[np.uint8]:
    """Decodes an image file as it is to be looked at: EXIF orientation applied, transparency ignored.

    Grey, palette, CMYK and the like become RGB. Grey images of 16 bits are divided by 257; of 16-bit colours the
    higher byte is kept. Of several frames the first one is read.

    Args:
        path: A BMP, GIF, JPEG, PNG, PPM, TIFF or WebP file.
        channels: 3 for RGB, 1 for grey.
        max_megapixels: Larger images are refused before they are decoded. Beyond 179, Pillow's own limit refuses.

    Returns:
        (H, W, channels) uint8.

    Raises:
        ValueError: The file is missing, damaged, too large or of another kind.
    """
    if channels not in (1, 3):
        raise ValueError(
            f"images have 1 or 3 channels, not {channels}: set model.backbone.in_channels to one of these"
        )
    with opened(path, max_megapixels=max_megapixels) as image:
        pixels = _decode_photo(image) if channels == 3 else None
        if pixels is not None:
            return pixels
        return _to_8_bits(upright(image), "RGB" if channels == 3 else "L")


def image_size(path: Path) -> tuple[int, int]:
    """Reads height and width from the header of an image file, as `read_image` will return it.

    Raises:
        ValueError: The file is missing or not an image.
    """
    with opened(path) as image:
        return upright_size(image)


def list_images(folder: Path) -> list[str]:
    """Lists the image files of a folder and its subfolders, by their suffix.

    Returns:
        Sorted names relative to the folder, with forward slashes.
    """
    files = (path for path in folder.rglob("*") if is_image_file(path))
    return sorted(path.relative_to(folder).as_posix() for path in files)


def is_image_file(path: Path) -> bool:
    """Tells whether a path is a file with the suffix of an image."""
    return path.suffix.lower() in _SUFFIXES and path.is_file()


def resolve_inside(root: Path, name: str) -> Path:
    """Joins a folder and a file name that was found in an annotation file.

    Only the name is looked at: links that the user put into the folder may lead anywhere.

    Raises:
        ValueError: The name leads out of the folder.
    """
    parts = name.replace("\\", "/").split("/")
    if not name or "\0" in name or ".." in parts or Path(name).anchor:
        raise ValueError(
            f"the file name {name!r} leads out of {root.absolute()}: names must be relative to that folder"
        )
    return root / name


@contextmanager
def opened(path: Path, *, max_megapixels: float = math.inf) -> Iterator[ImageFile]:
    """Opens a file of a known kind; nothing is decoded yet.

    Args:
        path: A BMP, GIF, JPEG, PNG, PPM, TIFF or WebP file.
        max_megapixels: Larger images are refused.

    Raises:
        ValueError: Whatever goes wrong until it is closed, with the name of the file.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > max_megapixels * 1e6:
                raise ValueError(
                    f"{width} x {height} pixels are more than the limit of {max_megapixels:g} megapixels: "
                    "set data.max_image_megapixels if you trust the file"
                )
            yield image
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such image file") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not an image of the kinds {', '.join(_FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: {error} Scale the image down, or cut it into tiles") from error
    except _DAMAGE as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error


def upright(image: Image.Image) -> Image.Image:
    """Turns an image as its EXIF data say."""
    turn = _TURNS.get(orientation(image))
    return image.transpose(turn) if turn is not None else image


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Says height and width of an image after `upright`."""
    width, height = image.size
    return (width, height) if orientation(image) in _SWAPS_AXES else (height, width)


def orientation(image: Image.Image) -> int:
    """Reads the EXIF orientation 1..8 that is still to be applied; Pillow applies that of TIFF files by itself."""
    if image.format == "TIFF":
        return 1
    try:
        # The base class, because PngImageFile.getexif decodes the whole image.
        return int(Image.Image.getexif(image).get(_ORIENTATION_TAG, 1))
    except _DAMAGE:
        return 1


def _decode_photo(image: ImageFile) -> NDArray[np.uint8] | None:
    """Decodes an upright JPEG file in colour, (H, W, 3), to what Pillow makes of it, in two thirds of the time.

    None where simplejpeg is not installed, or the file is damaged or of another kind: that is left to Pillow.
    """
    turbo = _simplejpeg()
    kind = (image.format, image.mode, orientation(image))
    if turbo is None or image.fp is None or kind != ("JPEG", "RGB", 1):
        return None
    image.fp.seek(0)
    content = image.fp.read()
    try:
        height, width, *_ = turbo.decode_jpeg_header(content)
        if (width, height) != image.size:  # which was checked
            return None
        pixels: NDArray[np.uint8] = turbo.decode_jpeg(content)
    except ValueError:
        return None
    return pixels


@cache
def _simplejpeg() -> Any:
    return import_module("simplejpeg") if find_spec("simplejpeg") else None


def _to_8_bits(image: Image.Image, mode: str) -> NDArray[np.uint8]:
    """Converts to (H, W, 3) for mode RGB, (H, W, 1) for mode L."""
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers: save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = Image.fromarray(_scaled(np.asarray(image)))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode != mode:  # else `convert` would copy it
        image = image.convert(mode)
    pixels = np.array(image)
    return pixels.reshape(*pixels.shape[:2], len(mode))


def _scaled(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    values = pixels.astype(np.int64)
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise ValueError("pixels have 32 bits: save the image with 8 or 16 bits")
    return ((values + 128) // 257).astype(np.uint8)
