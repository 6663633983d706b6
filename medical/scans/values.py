"""The numbers of voxels as files hold them: sizes to be trusted, rescaling, whole numbers, and what is no number."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLICES = 10
"""How many of the largest slices a scan may amount to."""
_IMAGE_TYPES = (np.int16, np.uint16, np.int32, np.int64)
_MASK_TYPES = (np.uint8, np.uint16, np.int16, np.int32, np.int64)
_SMALL = 2**14
"""Slopes and intercepts below it keep 16-bit numbers within 32 bits."""
_LARGEST_LABEL = 2**31
_ALMOST = 1e-4
"""How far a label may lie beside a whole number by rounding: files with scaled numbers need it."""


def check_size(shape: Sequence[int], max_megapixels: float) -> None:
    """Checks a size that a header states before room is made for it.

    Args:
        shape: Number of slices, rows and columns, or of voxels along the axes of the file where these are not known
            yet.
        max_megapixels: Of a slice; a scan may have ten times as many voxels.

    Raises:
        ValueError: There are none, or too many.
    """
    text = " x ".join(map(str, shape))
    if min(shape) < 1:
        raise ValueError(f"{text} voxels: the scan is empty")
    limit = max_megapixels * 1e6
    if prod(shape[-2:]) > limit or prod(shape) > _SLICES * limit:
        raise ValueError(
            f"{text} voxels: the limit is {max_megapixels:g} megapixels for a slice and {_SLICES} times as many voxels "
            "for a scan; cut the file into parts, or raise max_megapixels if you trust it"
        )


def rescaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Computes what stored numbers stand for; whole numbers stay whole where slope and intercept are.

    Args:
        stored: Of any shape.
        slope: Factor.
        intercept: What is added then, -1024 for most CT scanners.

    Returns:
        The same shape; 8 and 16 bits as they are, or the smallest of int16, uint16, int32 and int64 that holds all
        numbers; else float32. Always in the byte order of the machine.
    """
    plain = (slope, intercept) == (1, 0)
    whole = float(slope).is_integer() and float(intercept).is_integer()
    if stored.dtype.kind == "f" or not whole:
        values = stored if plain else stored * np.float64(slope) + intercept
        with np.errstate(over="ignore"):
            return values.astype(np.float32, copy=False)
    if plain and stored.itemsize <= 2:
        return stored.astype(stored.dtype.newbyteorder("="), copy=False)
    small = stored.itemsize <= 2 and max(abs(slope), abs(intercept)) < _SMALL
    wide = stored.astype(np.int32 if small else np.int64)
    return _narrow(wide * int(slope) + int(intercept), _IMAGE_TYPES)


def finite(pixels: NDArray[Any]) -> NDArray[Any]:
    """Replaces what is no number, which some programs write outside the body, by the lowest number that there is.

    Args:
        pixels: Of any shape and dtype.

    Returns:
        The same, all of it finite.

    Raises:
        ValueError: Nothing is a number.
    """
    if pixels.dtype.kind != "f":
        return pixels
    good = np.isfinite(pixels)
    if good.all():
        return pixels
    if not good.any():
        raise ValueError("all its voxels are NaN or infinite")
    return np.where(good, pixels, pixels[good].min())


def whole_numbers(pixels: NDArray[Any]) -> NDArray[Any]:
    """Takes the numbers of a mask for what they are.

    Args:
        pixels: Of any shape and dtype.

    Returns:
        The same in the smallest of uint8, uint16, int16, int32 and int64 that holds all of them.

    Raises:
        ValueError: A number is not whole.
    """
    if pixels.dtype.kind == "f":
        nearest = np.rint(np.where(np.isfinite(pixels), pixels, 0))
        wrong = ~(np.abs(pixels - nearest) <= _ALMOST) | (np.abs(nearest) > _LARGEST_LABEL)
        if wrong.any():
            raise ValueError(
                f"a mask has whole numbers, but {wrong.sum()} voxels here have others, such as {pixels[wrong][0]:g}: "
                "masks must not be resampled smoothly, and probabilities must become labels first"
            )
        pixels = nearest.astype(np.int64)
    return _narrow(pixels, _MASK_TYPES)


def _narrow(values: NDArray[Any], types: Sequence[type[np.integer[Any]]]) -> NDArray[Any]:
    """Converts whole numbers to the first type that holds them, to the last one where none does."""
    low, high = values.min(), values.max()
    fitting = (t for t in types if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    return values.astype(next(fitting, types[-1]))
