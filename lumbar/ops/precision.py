"""One rule of precision: boxes, scores and losses are never computed below float32."""

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
