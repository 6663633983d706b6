"""Segmentation of TIFF files that are larger than memory: read, looked at and written by bands of rows.

The memory of the host depends on the width of the image and the height of a window, not on the height of the image: it
is `8 K + 12` bytes for each pixel of a band as high as a window, the rows of tiles that the band touches, and the
overview. The memory of the device depends on the window alone.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lumbar.data.mask_tiff import write_mask
from lumbar.data.sizes import Size, padded_size
from lumbar.data.windowed_tiff import WindowedTiff, open_tiff
from segmentation.inference import build_sliding_window
from segmentation.mask_files import palette_of, values_of
from segmentation.segmenter import Segmenter

_LONG_EDGE = 2048
"""Of an overview, at most."""


class Overview(NamedTuple):
    """A segmented image, small enough to be drawn."""

    size: Size
    """Height and width of the image file in pixels."""
    pixels: NDArray[np.int64]
    """(K,) area of each class in pixels of the file."""
    image: NDArray[np.uint8]
    """(h, w, C) the image, or of a large one every n-th pixel of every n-th row."""
    labels: NDArray[np.uint8]
    """(h, w) or (K, h, w) labels of the same pixels."""


def segment_tiff(
    segmenter: Segmenter,
    source: Path,
    target: Path,
    *,
    advance: Callable[[int], None] = lambda rows: None,
) -> Overview:
    """Segments a TIFF file at its own resolution, by windows, into a TIFF file of tiles.

    Args:
        segmenter: Its settings say how windows are looked at.
        source: The image.
        target: The mask, with the values and colours of the classes; where pixels may have several classes, a channel
            of 0 and 1 for each.
        advance: Is told how many rows more are done.

    Returns:
        Areas, and what can be drawn of it.

    Raises:
        ValueError: The image cannot be read by parts.
    """
    with torch.inference_mode(), open_tiff(source, channels=segmenter.channels) as image:
        several = segmenter.config.task == "multilabel"
        layers = (len(segmenter.classes),) * several
        step = math.ceil(max(image.size) / _LONG_EDGE)
        small = [math.ceil(edge / step) for edge in image.size]
        kept = Overview(
            size=image.size,
            pixels=np.zeros(len(segmenter.classes), dtype=np.int64),
            image=np.zeros((*small, segmenter.channels), dtype=np.uint8),
            labels=np.zeros((*small, *layers), dtype=np.uint8),
        )
        bands = _bands(segmenter, image, kept, step, advance)
        if several:
            write_mask(target, bands, shape=(*image.size, *layers))
        else:
            values = (values_of(band, segmenter.classes) for band in bands)
            write_mask(target, values, shape=image.size, palette=palette_of(segmenter.classes))
    labels = np.moveaxis(kept.labels, -1, 0) if several else kept.labels
    return kept._replace(labels=labels)


def _bands(
    segmenter: Segmenter,
    image: WindowedTiff,
    kept: Overview,
    step: int,
    advance: Callable[[int], None],
) -> Iterator[NDArray[np.uint8]]:
    """Labels (n, W) or (n, W, K) from top to bottom; what is kept of them is filled in on the way."""
    height, width = image.size
    config = segmenter.config

    def rows(start: int, stop: int) -> Tensor:
        pixels = image.rows(start, stop)
        _thin(pixels, start, step, kept.image)
        return torch.from_numpy(pixels).permute(2, 0, 1)[None]

    canvas = padded_size(image.size, config.data.pad_multiple, ())
    bands = build_sliding_window(config.inference).bands(
        segmenter.model, rows, torch.tensor([image.size]), canvas
    )
    for top, probabilities in bands:
        labels = segmenter.labels(probabilities[:, :, : max(0, height - top), :width])
        np.add(kept.pixels, segmenter.areas(labels), out=kept.pixels)
        labels = np.moveaxis(labels, 0, -1) if labels.ndim == 3 else labels
        _thin(labels, top, step, kept.labels)
        advance(len(labels))
        yield labels


def _thin(rows: NDArray[np.uint8], start: int, step: int, small: NDArray[np.uint8]) -> None:
    """Copies every n-th pixel of every n-th row, counted from the first row of the image."""
    thinned = rows[-start % step :: step, ::step]
    first = math.ceil(start / step)
    small[first : first + len(thinned)] = thinned
