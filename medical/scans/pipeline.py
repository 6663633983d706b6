"""From a scan to the probability of each class at each of its pixels, whatever the network runs on.

Slices, mirrored views and tiles form one stream of inputs of equal size, which the network takes in batches; maps of no
more than one slice in its working size are kept at a time.
"""

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from medical.scans.neighbours import stack
from medical.scans.preprocess import Preprocess, prepared
from medical.scans.resample import resize
from medical.scans.tiles import Tiles
from medical.scans.views import mean, mirrored, views
from medical.scans.volume import Volume

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(B, C, h, w) of 0 to 255 to probabilities (B, K, h, w) that add up to 1 over the classes; h and w are multiples of
`Preprocess.multiple`."""


def probabilities(
    volume: Volume, preprocess: Preprocess, network: Network, *, batch: int = 8
) -> NDArray[np.float32]:
    """Looks at every slice of a scan.

    Args:
        volume: As it was read; (D, H, W, C).
        preprocess: What is done to it before, and how it is looked at.
        network: Inputs to probabilities.
        batch: The most tiles that the network gets at a time.

    Returns:
        (K, D, H, W) float32 in the size of the file; over the classes they add up to 1.

    Raises:
        ValueError: The scan does not fit the network.
    """
    scan = prepared(volume, preprocess)
    tiles = Tiles.over(
        (scan.shape[1], scan.shape[2]),
        tile=preprocess.tile,
        overlap=preprocess.overlap,
        multiple=preprocess.multiple,
    )
    answers = _answers(_inputs(scan, preprocess, tiles), network, batch)
    slices = (_slice(answers, preprocess, tiles) for _ in scan)
    return _in_size_of(volume, slices)


def _inputs(
    scan: NDArray[np.float32], preprocess: Preprocess, tiles: Tiles
) -> Iterator[NDArray[np.float32]]:
    """Tiles (C, h, w) of each view of each slice."""
    for index in range(len(scan)):
        pixels = stack(scan, index, preprocess.slices).transpose(2, 0, 1)
        for axes in views(preprocess.flips):
            yield from tiles.cut(mirrored(pixels, axes))


def _answers(
    inputs: Iterator[NDArray[np.float32]], network: Network, batch: int
) -> Iterator[NDArray[np.float32]]:
    """What the network says of each input, (K, h, w); it is asked for a batch at a time."""
    while chosen := [*islice(inputs, batch)]:
        canvas = np.stack(chosen)
        answers = network(canvas)
        batch_and_size = [(array.shape[0], *array.shape[2:]) for array in (canvas, answers)]
        assert batch_and_size[0] == batch_and_size[1], (canvas.shape, answers.shape)
        yield from answers


def _slice(
    answers: Iterator[NDArray[np.float32]], preprocess: Preprocess, tiles: Tiles
) -> NDArray[np.float32]:
    """Joins what was said of one slice, (K, h, w)."""
    return mean(mirrored(tiles.blend(answers), axes) for axes in views(preprocess.flips))


def _in_size_of(volume: Volume, slices: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Resizes maps (K, h, w) of each slice to (K, D, H, W)."""
    depth, height, width = volume.pixels.shape[:3]
    first = resize(next(slices), (height, width))
    whole = np.empty((len(first), depth, height, width), np.float32)
    whole[:, 0] = first
    for index, maps in enumerate(slices, start=1):
        whole[:, index] = resize(maps, (height, width))
    return whole
