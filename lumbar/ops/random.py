"""Counter-based random keys: pure functions of (seed, stream, position).

The same on every device and rank, eager and compiled, because only integer arithmetic that fits into 63 bits is
used. The mixer is a bijection of 32 bits (two multiply and shift-xor rounds, constants of T. Mueller's integer
hash), so the keys of one row never tie and `topk` over them is the same everywhere.
"""

import torch
from torch import Tensor

_WORD = 0xFFFFFFFF
_ODD = 0x45D9F3B


def mix(values: Tensor) -> Tensor:
    """Scrambles 32-bit values one to one.

    Args:
        values: (*,) int64 in [0, 2**32).

    Returns:
        (*,) int64 in [0, 2**32).
    """
    # In place on what each shift has made: half of the time is that of the memory.
    for _ in range(2):
        values = (values >> 16).bitwise_xor_(values).mul_(_ODD).bitwise_and_(_WORD)
    return (values >> 16).bitwise_xor_(values)


def random_keys(seeds: Tensor, stream: int, count: int) -> Tensor:
    """Draws a row of distinct keys for each seed; sorting by them is a random permutation.

    Args:
        seeds: (B,) int64 in [0, 2**31).
        stream: Number of the use, so that two uses of one seed differ.
        count: Keys in each row.

    Returns:
        (B, count) int64 in [0, 2**32), distinct within a row.
    """
    start = mix((mix(seeds & _WORD) + stream * 0x9E3779B9) & _WORD)
    positions = torch.arange(count, device=seeds.device)
    return mix(mix(positions)[None] ^ start[:, None])
