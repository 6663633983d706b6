"""A look at every image and mask before training: all mistakes at once, and how many pixels a class has."""

import hashlib
import json
import logging
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from lumbar.data.faults import refuse
from lumbar.data.loader import start_worker
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.store import cache_folder
from lumbar.files import atomic_write
from segmentation.dataset import SegmentationDataset

_log = logging.getLogger(__name__)

Found = tuple[NDArray[np.int64], NDArray[np.int64], str]
"""(K,) pixels of each class and (K,) labelled pixels of an image, and what is wrong with it."""

# Part of the name of every file: a change here makes all of them stale.
_FORMAT = 1
# Fewer images are looked at in a few seconds, which is not worth a file.
_MANY = 500


class ClassCounts(NamedTuple):
    """What there is to learn from a split."""

    pixels: NDArray[np.int64]
    """(K,) of each class."""
    labelled: NDArray[np.int64]
    """(K,) labelled pixels of the images that show the class."""


def survey(dataset: SegmentationDataset, *, workers: int, name: str) -> ClassCounts:
    """Decodes all images and masks, and counts the labelled pixels of each class.

    What was found in a large split is kept in `cache_folder()` until a file changes; of several processes one looks,
    and the others wait for it.

    Args:
        dataset: Of the split.
        workers: Processes that decode; 0 decodes in this one.
        name: Of the split, for messages.

    Raises:
        ValueError: Files are damaged, differ in size from their masks, or have values that stand for nothing.
    """
    if len(dataset) < _MANY:
        return _count(dataset, workers, name)
    try:
        file = cache_folder() / f"{name}-{_digest(dataset.records)}.pixels"
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock"):
            if not file.is_file():
                counts = _count(dataset, workers, name)
                with atomic_write(file) as partial:
                    partial.write_text(json.dumps([part.tolist() for part in counts]))
            return ClassCounts(*np.array(json.loads(file.read_text()), dtype=np.int64))
    # Without a home, or without locks on its file system, that is a RuntimeError.
    except (OSError, RuntimeError) as error:
        _log.warning(
            "masks are checked in each run, as it cannot be kept that they were: %s: set LUMBAR_CACHE to a folder",
            error,
        )
        return _count(dataset, workers, name)


class _Look(Dataset[Found]):
    """What is found in each image of a split."""

    def __init__(self, dataset: SegmentationDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Found:
        try:
            _, labels = self._dataset.pair(index)
        except ValueError as error:
            nothing = np.zeros(len(self._dataset.records.classes), dtype=np.int64)
            return nothing, nothing, str(error)
        return *_count_labels(labels, len(self._dataset.records.classes)), ""


def _count_labels(
    labels: NDArray[np.uint8], num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(K,) pixels of each class, and (K,) labelled ones."""
    if labels.ndim == 3:
        return (labels == 1).sum((1, 2)), (labels != IGNORE).sum((1, 2))
    pixels = np.bincount(labels.ravel(), minlength=IGNORE + 1)[:num_classes]
    return pixels, np.full(num_classes, pixels.sum())


def _count(dataset: SegmentationDataset, workers: int, name: str) -> ClassCounts:
    loader = DataLoader(
        _Look(dataset),
        batch_size=None,
        num_workers=workers,
        worker_init_fn=start_worker,
        generator=torch.Generator(),  # the global one is for the run
    )
    found = ClassCounts(*np.zeros((2, len(dataset.records.classes)), dtype=np.int64))
    faults = []
    for pixels, labelled, fault in track(
        loader,
        f"data.{name}: checking {len(dataset)} images and masks",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ):
        found.pixels[:] += pixels.numpy()
        found.labelled[:] += np.where(pixels > 0, labelled, 0)
        faults += [fault] if fault else []
    refuse(faults, what=f"data.{name}: images and masks that cannot be used")
    return found


def _digest(records: MaskRecords) -> str:
    """A name that changes with whatever could change what is found."""
    known = hashlib.sha256(json.dumps([_FORMAT, records.classes.to_dict()]).encode())
    for index in range(len(records)):
        for file in records.files(index):
            known.update(_identity(file).encode())
    return known.hexdigest()[:32]


def _identity(file: Path) -> str:
    status = file.stat()
    return f"{file.absolute()} {status.st_size} {status.st_mtime_ns}\n"
