"""Rules of precision: nothing is computed below float32, and limits are not rounded upwards."""

import numpy as np
import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """Widens bfloat16 and float16 to float32 and leaves float32 and float64 alone.

    Args:
        values: (*,) float.

    Returns:
        (*,) float32 or float64.
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))


def round_down(limit: float, dtype: torch.dtype) -> float:
    """Finds the largest number of a precision up to `limit`: what has this precision exceeds both or neither.

    Rounding to the nearest would not do: 0.3 becomes more than 0.3 in float32, and then 3 / 10 does not exceed it.

    Args:
        limit: Of the range of float32.
        dtype: float32 or float64.
    """
    if dtype == torch.float64:
        return limit
    nearest = np.float32(limit)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return float(nearest) if float(nearest) <= limit else float(below)
