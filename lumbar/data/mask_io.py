"""The one place where mask files are decoded: lossless ones only, every value known, labels in eight bits."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.image_io import opened, orientation, upright, upright_size
from lumbar.data.pixel_classes import HIGHEST, UNDECLARED, PixelClasses, shortened

_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
_RIFF_HEADER = 12
# Labels that a lossy file or a smooth resizing has smeared have values all over.
_MANY = 20


def mask_size(path: Path) -> tuple[int, int]:
    """Reads height and width of a mask from its header, as `read_labels` will return it.

    Raises:
        ValueError: The file is missing, not an image, or of a lossy kind.
    """
    with opened(path) as image:
        _check_lossless(image, path)
        return upright_size(image)


def is_turned(path: Path) -> bool:
    """Tells whether the EXIF data of an image file say that it is to be turned.

    Raises:
        ValueError: The file is missing or not an image.
    """
    with opened(path) as image:
        return orientation(image) != 1


def read_labels(
    path: Path,
    classes: PixelClasses,
    *,
    alone: int | None = None,
    max_megapixels: float = 100.0,
) -> NDArray[np.uint8]:
    """Decodes a mask file and looks up the label of each pixel.

    Where classes are numbers, these are grey values of up to 16 bits, or indices of a palette; where they are colours,
    those that one sees. In a GIF, which only has a palette, greys are values, too.

    Args:
        path: A PNG, TIFF, BMP, GIF, PPM or lossless WebP file.
        classes: What the values mean.
        alone: The class that the file is of, where each class has its own; None where the file has all classes.
        max_megapixels: Larger masks are refused before they are decoded.

    Returns:
        (H, W) of classes in 0..K-1, or 0 and 1 for one class alone, and IGNORE.

    Raises:
        ValueError: The file is missing, damaged, too large or lossy, or has a value that stands for nothing.
    """
    codes = read_codes(path, coloured=classes.coloured, max_megapixels=max_megapixels)
    table = classes.table if alone is None else classes.binary_table(alone)
    labels: NDArray[np.uint8] = table[codes]
    if (labels == UNDECLARED).any():
        raise ValueError(f"{path}: {_undeclared(codes[labels == UNDECLARED], classes)}")
    return labels


def read_codes(path: Path, *, coloured: bool, max_megapixels: float = 100.0) -> NDArray[Any]:
    """Decodes a mask file to a whole number for each pixel.

    Args:
        path: A PNG, TIFF, BMP, GIF, PPM or lossless WebP file.
        coloured: Whether pixels are colours, which become 65536 red + 256 green + blue.
        max_megapixels: Larger masks are refused before they are decoded.

    Returns:
        (H, W) of uint8, uint16 or int32.

    Raises:
        ValueError: The file is missing, damaged, too large or lossy, or its pixels are something else.
    """
    with opened(path, max_megapixels=max_megapixels) as image:
        _check_lossless(image, path)
        turned = upright(image)
        return _colours(turned) if coloured else _numbers(turned)


def _check_lossless(image: Image.Image, path: Path) -> None:
    lossy = (
        image.format == "JPEG"
        or (image.format == "TIFF" and image.info.get("compression") in _LOSSY_TIFF)
        or (image.format == "WEBP" and _is_lossy_webp(path))
    )
    if lossy:
        raise ValueError(
            f"a mask in a lossy file ({image.format}), which mixes the values of neighbouring pixels: save it as PNG "
            "where it was drawn; converting this file would keep the mixed values"
        )


def _is_lossy_webp(path: Path) -> bool:
    """Looks for an image in the lossy format among the blocks of a WebP file."""
    with path.open("rb") as file:
        file.seek(_RIFF_HEADER)
        return any(kind == b"VP8 " for kind in iter(lambda: _next_block(file), b""))


def _next_block(file: BinaryIO) -> bytes:
    kind, length = file.read(4), int.from_bytes(file.read(4), "little")
    # The images of an animation are blocks within a block, behind 16 bytes about their place.
    file.seek(16 if kind == b"ANMF" else length + length % 2, 1)
    return kind


def _numbers(image: Image.Image) -> NDArray[Any]:
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode == "L" or (image.mode == "P" and not _is_grey_gif(image)):
        return np.asarray(image)
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > HIGHEST:
            raise ValueError(
                f"values from {values.min()} to {values.max()}, but masks have 0 to {HIGHEST}"
            )
        return values.astype(np.uint16)
    pixels = _rgb(image)
    if np.ptp(pixels, axis=2).any():
        raise ValueError(
            "a mask in colours, but data.classes has numbers: give it colours, like road: [128, 64, 128]"
        )
    return pixels[..., 0]


def _is_grey_gif(image: Image.Image) -> bool:
    """Tells whether a file that can only have a palette was made of grey values, which may have any indices."""
    return image.format == "GIF" and not np.ptp(_rgb(image), axis=2).any()


def _colours(image: Image.Image) -> NDArray[Any]:
    codes: NDArray[np.int32] = _rgb(image).astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    return codes


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode not in ("L", "LA", "P", "RGB", "RGBA"):
        raise ValueError(f"pixels of a mask are grey, RGB or of a palette, not {image.mode}")
    if image.mode in ("LA", "RGBA") and np.asarray(image.getchannel("A")).min() < 255:
        raise ValueError(
            "a mask with transparent pixels, whose values mean nothing: save it without"
        )
    return np.asarray(image.convert("RGB"))


def _undeclared(codes: NDArray[Any], classes: PixelClasses) -> str:
    values, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    named = [_shown(int(values[place]), coloured=classes.coloured) for place in order]
    found = [f"{name} ({count} pixels)" for name, count in zip(named, counts[order], strict=True)]
    smeared = (
        "; so many of them come from a mask that was resized smoothly or stored in a lossy file"
        if len(found) > _MANY
        else ""
    )
    return (
        f"values that stand for no class: {shortened(found)}: add them to data.classes, or to data.void if they are to "
        f"count nowhere{smeared}"
    )


def _shown(code: int, *, coloured: bool) -> str:
    return str([code >> 16, code >> 8 & 255, code & 255]) if coloured else str(code)
