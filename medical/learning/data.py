"""The loaders of a fold: patches of the training patients, and a few slices of the others for a curve to watch."""

from functools import partial

import numpy as np

from lumbar.data.collate import collate_masks
from lumbar.data.config import LoadingConfig
from lumbar.data.sizes import Size, padded_size
from lumbar.data.splits import EvalSet, Split, SplitModule, TrainSet
from medical.learning.patches import PatchDataset, SliceTile, TileDataset
from medical.learning.store import CaseStore
from medical.scans.tiles import starts

MAX_TILES = 24


class FoldData(SplitModule):
    """Loaders of one fold.

    Attributes:
        patches_per_epoch: To train on.
        num_tiles: Of the curve.
    """

    def __init__(
        self,
        config: LoadingConfig,
        *,
        patches: PatchDataset,
        patches_per_epoch: int,
        held_out: TileDataset,
        patch: Size,
        seed: int,
    ) -> None:
        """Keeps what is loaded.

        Args:
            config: How samples become batches.
            patches: To train on.
            patches_per_epoch: How many of them are an epoch.
            held_out: What the curve is of; nothing is chosen by it.
            patch: Height and width of both.
            seed: Of the run.
        """
        super().__init__(config, seed=seed)
        self.patches_per_epoch = patches_per_epoch
        self.num_tiles = len(held_out)
        self._patches = patches
        self._held_out = held_out
        self._collate = partial(
            collate_masks, multiple=config.pad_multiple, canvas_buckets=(), frame="canvas"
        )
        self._canvas = padded_size(patch, config.pad_multiple, ())

    def prepare(self, split: Split) -> None:
        """Does nothing: all was prepared before there were folds."""

    def train_set(self) -> TrainSet:
        """Patches, which are of one size."""
        groups = np.zeros(self.patches_per_epoch, np.int64)
        return TrainSet(self._patches, groups, self._collate, (self._canvas,))

    def eval_set(self, split: Split) -> EvalSet:
        """Parts of slices, which are of one size."""
        canvases = [self._canvas] * len(self._held_out)
        return EvalSet(self._held_out, canvases, self._collate)


def choose_tiles(store: CaseStore, patch: Size) -> list[SliceTile]:
    """Chooses what the curve of a fold is of: slices evenly spread over the cases, each cut into tiles.

    Args:
        store: The cases that are held out.
        patch: Height and width of a tile.
    """
    slices = [
        (case, index) for case in range(len(store)) for index in range(len(store[case].labels))
    ]
    chosen = np.linspace(0, len(slices) - 1, min(MAX_TILES, len(slices))).round().astype(int)
    tiles = [
        SliceTile(case, index, (top, left))
        for case, index in (slices[place] for place in chosen)
        for top, left in _corners(store[case].labels.shape[1:], patch)
    ]
    kept = np.linspace(0, len(tiles) - 1, min(MAX_TILES, len(tiles))).round().astype(int)
    return [tiles[place] for place in kept]


def _corners(size: tuple[int, ...], patch: Size) -> list[Size]:
    tops, lefts = (starts(edge, length, length) for edge, length in zip(size, patch, strict=True))
    return [(top, left) for top in tops for left in lefts]
