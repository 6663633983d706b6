"""Masks that are larger than memory, as TIFF files of tiles that are written as they come."""

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from lumbar.files import atomic_write

Values = NDArray[np.unsignedinteger[Any]]
"""uint8 or uint16."""

_TILE = 512
_CLASSIC = 2**31
"""Bytes from which on a file is BigTIFF: classic files end at 2**32, and compression may help or not."""


def write_mask(
    path: Path,
    bands: Iterable[Values],
    *,
    shape: tuple[int, ...],
    palette: NDArray[np.uint8] | None = None,
) -> None:
    """Writes a mask as a TIFF of compressed tiles, whole or not at all.

    Args:
        path: The file.
        bands: Its rows from top to bottom, a few at a time, (n, W) or (n, W, K).
        shape: Of the mask, (H, W), or (H, W, K) for K masks in one file.
        palette: (256, 3) colours of the values of a mask (H, W) of uint8.
    """
    rows = iter(bands)
    first = next(rows)
    looks: dict[str, Any] = {"photometric": "minisblack"}
    if palette is not None:
        looks = {"photometric": "palette", "colormap": palette.T.astype(np.uint16) * 257}
    with atomic_write(path) as partial:
        tifffile.imwrite(
            partial,
            _tiles(chain([first], rows)),
            shape=shape,
            dtype=first.dtype,
            tile=(_TILE, _TILE),
            compression="zlib",
            planarconfig="contig" if len(shape) > 2 else None,
            bigtiff=math.prod(shape) * first.itemsize > _CLASSIC,
            maxworkers=1,
            metadata=None,
            **looks,
        )


def _tiles(bands: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for rows in _regrouped(bands, _TILE):
        for left in range(0, rows.shape[1], _TILE):
            yield rows[:, left : left + _TILE]


def _regrouped(bands: Iterable[NDArray[Any]], height: int) -> Iterator[NDArray[Any]]:
    """The same rows, so many at a time; the last ones may be fewer."""
    waiting: list[NDArray[Any]] = []
    for band in bands:
        waiting.append(band)
        while sum(map(len, waiting)) >= height:
            rows = np.concatenate(waiting)
            yield rows[:height]
            waiting = [rows[height:]]
    rest = np.concatenate(waiting)
    if len(rest):
        yield rest
