"""Finds the feature maps that a step copies, be it to another number format or to another order in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_COPYING = {"aten::_to_copy", "aten::clone", "aten::copy_"}
_STRIDES = (2, 4, 8, 16, 32)


class CopyCounter(TorchDispatchMode):
    """Keeps, while it is entered, the operator and the shape of each copy of maps (B, C, H, W)."""

    def __init__(self, canvas: tuple[int, int]) -> None:
        """Looks for maps of images on this canvas."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.copies: list[tuple[str, tuple[int, ...]]] = []
        self._grids = {(canvas[0] // stride, canvas[1] // stride) for stride in _STRIDES}

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name().partition(".")[0]
        if name in _COPYING and isinstance(result, Tensor) and self._is_map(result):
            self.copies.append((name, tuple(result.shape)))
        return result

    def _is_map(self, x: Tensor) -> bool:
        return x.ndim == 4 and tuple(x.shape[2:]) in self._grids
