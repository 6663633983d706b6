"""TIFF files that are larger than memory, a few rows at a time; pixels are what `image_io.read_image` makes of them."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from lumbar.data.sizes import Size

_ROWS_AT_ONCE = 256
"""Of files without compression, which can be read from any row on."""
_MOST_PIXELS = 2**28
"""That may have to be decoded together: the tiles, or the strip, that make up the whole width."""
_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)
"""Share of red, green and blue in the luma of Pillow's grey images, of 65536."""

# What tifffile raises for damaged files, depending on where.
_DAMAGE = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
)


class WindowedTiff:
    """The image of a TIFF file at its full resolution; at any time a few rows of its tiles are in memory.

    Args:
        path: For messages.
        file: The open file; of its images the first of the largest ones is read, which no level of a pyramid is.
        channels: 3 for RGB, 1 for grey.

    Raises:
        ValueError: The image cannot be read by parts, or is neither grey nor RGB.
    """

    size: Size
    """Height and width in pixels."""

    def __init__(self, path: Path, file: tifffile.TiffFile, *, channels: int) -> None:
        self._path = path
        self._file = file
        self._channels = channels
        self._page = _largest(file)
        self._piece = _rows_together(self._page)
        self._held: dict[int, NDArray[np.uint8]] = {}
        self.size = (self._page.imagelength, self._page.imagewidth)
        _check(self._page, self._piece)

    def rows(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Reads rows of pixels; those of the same tiles as the last ones are not decoded again.

        Args:
            start: The first row, inside the image.
            stop: The row behind the last one; at most the height is read.

        Returns:
            (n, W, channels) uint8.

        Raises:
            ValueError: The file is damaged, or its compression needs another package.
        """
        height = self.size[0]
        first, last = (min(row, height - 1) // self._piece for row in (start, stop - 1))
        with _explained(self._path):
            self._held = {
                number: self._held[number] if number in self._held else self._decode(number)
                for number in range(first, last + 1)
            }
        tops = (number * self._piece for number in self._held)
        parts = zip(self._held.values(), tops, strict=True)
        return np.concatenate([rows[max(0, start - top) : stop - top] for rows, top in parts])

    def _decode(self, number: int) -> NDArray[np.uint8]:
        """The rows of one row of tiles, or of one strip."""
        top = number * self._piece
        height = min(self._piece, self.size[0] - top)
        read = self._read_plain if self._page.is_final else self._read_pieces
        pixels = np.moveaxis(read(top, height), 0, -1).reshape(height, self.size[1], -1)
        return _with_channels(_to_8_bits(pixels, self._page), self._channels)

    def _read_plain(self, top: int, height: int) -> NDArray[Any]:
        """Rows (planes, height, W, samples) of a file without compression."""
        page, file = self._page, self._file.filehandle
        planes, _, length, width, samples = page.shaped
        dtype = np.dtype(self._file.byteorder + np.dtype(page.dtype).char)
        rows = []
        for plane in range(planes):
            pixels_before = (plane * length + top) * width * samples
            file.seek(page.dataoffsets[0] + pixels_before * dtype.itemsize)
            rows.append(file.read_array(dtype, height * width * samples))
        return np.stack(rows).reshape(planes, height, width, samples).astype(page.dtype)

    def _read_pieces(self, top: int, height: int) -> NDArray[Any]:
        """Rows (planes, height, W, samples) of tiles or strips, which begin at `top`."""
        page = self._page
        planes, _, length, width, samples = page.shaped
        across = -(-width // page.tilewidth) if page.is_tiled else 1
        down = -(-length // self._piece)
        first = top // self._piece * across
        chosen = [
            plane * across * down + first + column
            for plane in range(planes)
            for column in range(across)
        ]
        rows = np.zeros((planes, height, width, samples), page.dtype)
        file = self._file.filehandle
        offsets = [page.dataoffsets[index] for index in chosen]
        lengths = [page.databytecounts[index] for index in chosen]
        if max(lengths) > file.size:
            raise ValueError(f"a piece of {max(lengths)} bytes in a file of {file.size}")
        for data, index in file.read_segments(offsets, lengths, chosen):
            piece, (plane, _, _, left, _), _ = page.decode(
                data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader
            )
            if piece is not None:
                place = rows[plane, :, left : left + piece.shape[2]]
                place[:] = piece[0, :height, : place.shape[1]]
        return rows


@contextmanager
def open_tiff(path: Path, *, channels: int = 3) -> Iterator[WindowedTiff]:
    """Opens a TIFF or BigTIFF file of tiles or strips, and reads its header.

    Args:
        path: The file.
        channels: Of the pixels that it will give, 3 for RGB, 1 for grey.

    Raises:
        ValueError: The file is missing, damaged, or of a kind that cannot be read by parts.
    """
    if channels not in (1, 3):
        raise ValueError(f"images have 1 or 3 channels, not {channels}")
    with ExitStack() as stack:
        with _explained(path):
            file = stack.enter_context(tifffile.TiffFile(path))
            image = WindowedTiff(path, file, channels=channels)
        yield image


def tiff_size(path: Path) -> Size:
    """Reads height and width from the header of a TIFF file, as `open_tiff` will give it.

    Raises:
        ValueError: The file is missing or no TIFF.
    """
    with _explained(path), tifffile.TiffFile(path) as file:
        page = _largest(file)
        return page.imagelength, page.imagewidth


def _largest(file: tifffile.TiffFile) -> tifffile.TiffPage:
    pages = (page.aspage() for page in file.pages)
    return max(pages, key=lambda page: page.imagelength * page.imagewidth)


def _rows_together(page: tifffile.TiffPage) -> int:
    """How many rows of an image are decoded at a time."""
    if page.is_final:
        return min(page.imagelength, _ROWS_AT_ONCE)
    return min(page.imagelength, page.tilelength if page.is_tiled else page.rowsperstrip)


def _check(page: tifffile.TiffPage, rows: int) -> None:
    depth, samples = page.imagedepth, page.samplesperpixel
    if min(rows, page.imagewidth) < 1:
        raise ValueError(f"an image of {page.imagewidth} columns in pieces of {rows} rows")
    if rows * page.imagewidth * samples > _MOST_PIXELS:
        raise ValueError(
            f"{page.imagewidth} x {rows} pixels of it can only be decoded together: save it in tiles of 512 x 512, for "
            "example by vips tiffsave IN OUT --tile --compression deflate"
        )
    kinds = tifffile.PHOTOMETRIC
    known = {kinds.MINISWHITE, kinds.MINISBLACK, kinds.RGB, kinds.PALETTE, kinds.YCBCR}
    if page.photometric not in known or depth > 1 or not samples:
        raise ValueError(f"not an image in grey or RGB ({page.photometric!r}, {samples} samples)")
    if page.dtype not in (np.dtype(bool), np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ValueError(f"pixels are {page.dtype}: save the image with 8 or 16 bits")
    orientation = page.tags.valueof("Orientation", 1)
    if orientation != 1:
        raise ValueError(f"stored turned or mirrored (orientation {orientation}): save it upright")


def _to_8_bits(pixels: NDArray[Any], page: tifffile.TiffPage) -> NDArray[np.uint8]:
    """Grey (h, W, 1) or RGB (h, W, 3) of the samples (h, W, S) of a page; transparency is ignored."""
    kinds = tifffile.PHOTOMETRIC
    if page.photometric == kinds.PALETTE:
        assert page.colormap is not None
        colours: NDArray[np.uint8] = (page.colormap.T >> 8).astype(np.uint8)[pixels[..., 0]]
        return colours
    is_grey = page.photometric in (kinds.MINISBLACK, kinds.MINISWHITE)
    pixels = pixels[..., : 1 if is_grey else 3]
    if pixels.dtype == np.uint16:
        # As image_io has it: grey is scaled, of colours the higher byte is kept.
        pixels = (pixels + np.uint32(128)) // 257 if is_grey else pixels >> 8
    elif pixels.dtype == bool:
        pixels = pixels * np.uint8(255)
    grey_or_rgb: NDArray[np.uint8] = pixels.astype(np.uint8, copy=False)
    return ~grey_or_rgb if page.photometric == kinds.MINISWHITE else grey_or_rgb


def _with_channels(pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return pixels.repeat(3, axis=2)
    return ((pixels @ _LUMA + 32768) >> 16).astype(np.uint8)[..., None]


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file becomes a ValueError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such image file") from error
    except _DAMAGE as error:
        if "imagecodecs" in str(error):
            raise ValueError(
                f"{path}: its compression needs a package more: pip install 'lumbar[tiff]' ({error})"
            ) from error
        raise ValueError(f"{path}: cannot be read: {error}") from error
