"""Images that are mixed with each other, and their targets with them."""

import torch
from torch import Tensor, nn

from classification.beta import SymmetricBeta
from lumbar.ops.random import random_keys

_STREAM = 31
_DRAWS = 4


class Mixing(nn.Module):
    """Mixup, Zhang et al. 2017 (arXiv:1710.09412), and CutMix, Yun et al. 2019 (arXiv:1905.04899), image by image.

    Each image takes from its neighbour in the batch, the first from the second and the second from the first, and so
    on; how much, and which window, follows from its own seed. Batches of even size therefore have the same pairs on any
    number of ranks; of an odd one the last image stays as it is.
    """

    def __init__(self, *, mixup: float = 0.0, cutmix: float = 0.0) -> None:
        """Keeps the distributions of the shares.

        Args:
            mixup: Alpha of the share by which whole images are mixed; 0: never.
            cutmix: Alpha of the share that keeps its pixels, the rest being a window of the other image; 0: never.
                Where both are given, either is as likely.
        """
        super().__init__()
        self._mixup = SymmetricBeta(mixup) if mixup else None
        self._cutmix = SymmetricBeta(cutmix) if cutmix else None

    def forward(self, x: Tensor, targets: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Mixes a batch.

        Args:
            x: (B, C, H, W) float.
            targets: (B, K) float, shares of the classes.
            seeds: (B,) int64 in [0, 2**31).

        Returns:
            Mixed x and targets, of the same shapes.
        """
        if self._mixup is None and self._cutmix is None:
            return x, targets
        share, kind, row, column = random_keys(seeds, _STREAM, _DRAWS).double().div(2**32).unbind(1)
        kept = self._kept(share, kind, row, column, size=(x.shape[2], x.shape[3]))
        places = torch.arange(len(x), device=x.device)
        partners = (places ^ 1).clamp(max=len(x) - 1)
        mixed = torch.lerp(x[partners], x, kept.to(x.dtype)[:, None])
        own = kept.mean((1, 2)).to(targets.dtype)[:, None]
        return mixed, torch.lerp(targets[partners], targets, own)

    def _kept(
        self, share: Tensor, kind: Tensor, row: Tensor, column: Tensor, *, size: tuple[int, int]
    ) -> Tensor:
        """How much of each of its pixels an image keeps, (B, H, W)."""
        whole = window = None
        if self._mixup is not None:
            whole = self._mixup(share)[:, None, None].expand(-1, *size)
        if self._cutmix is not None:
            window = _outside_window(self._cutmix(share), row, column, size)
        if whole is None or window is None:
            kept: Tensor | None = window if whole is None else whole
            assert kept is not None
            return kept
        return torch.where((kind < 0.5)[:, None, None], whole, window)


def _outside_window(share: Tensor, row: Tensor, column: Tensor, size: tuple[int, int]) -> Tensor:
    """1 outside a window and 0 inside: its area is 1 - share of the image, less what lies beyond the edges."""
    sides = []
    for centre, edge in ((row, size[0]), (column, size[1])):
        half = edge * (1 - share).sqrt() / 2
        middle = centre * edge
        places = torch.arange(edge, device=share.device) + 0.5
        sides.append((places - middle[:, None]).abs() < half[:, None])
    return 1 - (sides[0][:, :, None] & sides[1][:, None, :]).to(share.dtype)
