"""From a draw to a training sample: the slice with its neighbours, cut, turned, scaled and mirrored in one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample, item_seed
from lumbar.data.sizes import Size
from medical.learning.augment import Augment, Motion
from medical.learning.lesion_sampler import LesionSampler
from medical.learning.store import CaseStore
from medical.scans.neighbours import stack


class Window(NamedTuple):
    """A part of a slice to be looked at."""

    anchor: tuple[float, float]
    """Row and column of the slice around which it is turned and scaled."""
    landing: tuple[float, float]
    """Where they come to lie in the patch, in its pixels."""
    motion: Motion


class PatchDataset(Dataset[Sample]):
    """Patches of the training cases, asked for (epoch, index)."""

    def __init__(
        self,
        store: CaseStore,
        sampler: LesionSampler,
        augment: Augment,
        *,
        patch: Size,
        slices: int,
        seed: int,
    ) -> None:
        """Keeps what is needed to make any patch.

        Args:
            store: The training cases.
            sampler: Says where a patch is cut.
            augment: Says how it is changed.
            patch: Height and width.
            slices: Neighbouring slices that are seen together.
            seed: Of the run.
        """
        self._store = store
        self._sampler = sampler
        self._augment = augment
        self._patch = patch
        self._slices = slices
        self._seed = seed

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """Cuts one patch; a function of (seed, epoch, index) alone.

        Args:
            key: (epoch, index).
        """
        epoch, index = key
        draw = self._sampler.draw(epoch, index)
        case = self._store[draw.case]
        seed = item_seed(self._seed, epoch, index)
        rng = np.random.default_rng(seed)
        motion = self._augment.motion(rng)
        number, row, column = draw.voxel
        window = place((row, column), draw.landing, motion, case.labels.shape[1:], self._patch)
        image, mask = cut(
            neighbours(case.pixels, number, self._slices), case.labels[number], window, self._patch
        )
        sample = make_sample(image, mask, image_id=index, seed=seed)
        return self._augment.intensities(sample, rng)


@dataclass(frozen=True)
class SliceTile:
    """A part of a slice for the curve of the validation."""

    case: int
    slice: int
    start: Size
    """Top and left."""


class TileDataset(Dataset[Sample]):
    """Parts of slices as they are, asked for (0, index)."""

    def __init__(
        self, store: CaseStore, tiles: Sequence[SliceTile], *, patch: Size, slices: int
    ) -> None:
        """Keeps what is needed to make any of them.

        Args:
            store: The cases.
            tiles: What is looked at.
            patch: Height and width.
            slices: Neighbouring slices that are seen together.
        """
        self._store = store
        self._tiles = tiles
        self._patch = patch
        self._slices = slices

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self._tiles)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """Cuts one tile.

        Args:
            key: (0, index).
        """
        _, index = key
        tile = self._tiles[index]
        case = self._store[tile.case]
        scan = neighbours(case.pixels, tile.slice, self._slices)
        window = Window(tile.start, (0.0, 0.0), Motion())
        image, mask = cut(scan, case.labels[tile.slice], window, self._patch)
        return make_sample(image, mask, image_id=index, seed=0)


def place(
    voxel: tuple[int, int],
    landing: tuple[float, float],
    motion: Motion,
    size: Sequence[int],
    patch: Size,
) -> Window:
    """Lays a patch over a slice so that it holds a voxel, and no more than it must of what is outside the slice.

    Args:
        voxel: Row and column.
        landing: Where it should lie, as shares of the patch; it does where that leaves no border unused.
        motion: The scale counts.
        size: Height and width of the slice.
        patch: Height and width of the patch.
    """
    anchor, pixels = [], []
    for at, share, edge, length in zip(voxel, landing, size, patch, strict=True):
        centre, extent = (at + 0.5) * motion.scale, edge * motion.scale
        low, high = min(0.0, extent - length), max(0.0, extent - length)
        start = min(max(centre - share * length, low), high)
        # Whole pixels, where nothing is scaled.
        start = round(start)
        anchor.append(at + 0.5)
        pixels.append(centre - start)
    return Window((anchor[0], anchor[1]), (pixels[0], pixels[1]), motion)


def cut(
    scan: NDArray[Any], labels: NDArray[np.uint8], window: Window, patch: Size
) -> tuple[Tensor, Tensor]:
    """Cuts a patch; what is outside the slice is black, and of no class.

    Args:
        scan: (h, w, C) of 0 to 255.
        labels: (h, w).
        window: What is cut.
        patch: Height and width.

    Returns:
        Pixels (C, *patch) float32, and labels (*patch) uint8.
    """
    if window.motion.is_rigid:
        image, mask = _copied(scan, labels, window, patch)
    else:
        image, mask = _sampled(scan, labels, window, patch)
    axes = window.motion.flips
    return (image.flip(axes), mask.flip(axes)) if axes else (image, mask)


def neighbours(scan: NDArray[Any], index: int, slices: int) -> NDArray[Any]:
    """A slice of (D, h, w, C) with its neighbours, (h, w, slices * C)."""
    return scan[index] if slices == 1 else stack(scan, index, slices)


def make_sample(image: Tensor, mask: Tensor, *, image_id: int, seed: int) -> Sample:
    """Joins pixels (C, h, w) and labels (h, w)."""
    height, width = mask.shape
    return Sample(
        image=image,
        boxes=torch.zeros(0, 4),
        labels=torch.zeros(0, dtype=torch.int64),
        original_size=(height, width),
        image_id=image_id,
        seed=seed,
        mask=mask,
    )


def _copied(
    scan: NDArray[Any], labels: NDArray[np.uint8], window: Window, patch: Size
) -> tuple[Tensor, Tensor]:
    top, left = (round(a - b) for a, b in zip(window.anchor, window.landing, strict=True))
    height, width = labels.shape
    rows = slice(max(0, top), min(height, top + patch[0]))
    columns = slice(max(0, left), min(width, left + patch[1]))
    image = torch.zeros(scan.shape[-1], *patch)
    mask = torch.full(patch, IGNORE, dtype=torch.uint8)
    there = np.s_[
        ..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    image[there] = _tensor(scan[rows, columns]).permute(2, 0, 1)
    mask[there] = torch.from_numpy(np.array(labels[rows, columns]))
    return image, mask


def _sampled(
    scan: NDArray[Any], labels: NDArray[np.uint8], window: Window, patch: Size
) -> tuple[Tensor, Tensor]:
    places = window.motion.backwards(window.anchor, window.landing, patch)  # (h, w, 2): row, column
    size = torch.tensor(labels.shape)
    # Only the part that is seen is converted.
    corners = places[[0, 0, -1, -1], [0, -1, 0, -1]]
    low = (corners.amin(0) - 2).floor().long().clamp(min=0).minimum(size - 1)
    high = (corners.amax(0) + 2).ceil().long().minimum(size).maximum(low + 1)
    part = np.s_[int(low[0]) : int(high[0]), int(low[1]) : int(high[1])]
    # grid_sample wants (x, y) from -1 to 1 between the outer borders of the pixels.
    grid = ((places - low) / (high - low) * 2 - 1).flip(-1)[None].float()
    image = F.grid_sample(_tensor(scan[part]).permute(2, 0, 1)[None], grid, align_corners=False)[0]
    # Outside there is 0, which is no label here.
    shifted = torch.from_numpy(np.array(labels[part], np.float32) + 1)[None, None]
    found = F.grid_sample(shifted, grid, mode="nearest", align_corners=False)[0, 0]
    mask = torch.where(found == 0, IGNORE, found - 1).to(torch.uint8)
    return image, mask


def _tensor(pixels: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(pixels, np.float32))
