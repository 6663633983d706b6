"""Cases as the network looks at them, made once: processes map the files, and later runs find them again."""

import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from lumbar.data.pixel_classes import PixelClasses
from lumbar.data.store import cache_folder
from lumbar.files import atomic_write
from medical.learning.lesion_index import Lesions, find_lesions
from medical.scans.preprocess import Preprocess, prepared
from medical.scans.read import read_volume
from medical.scans.resample import resize_labels
from medical.study.cases import Case
from medical.study.truth import read_truth

_log = logging.getLogger(__name__)

# Part of the name of every file: a change here makes all of them stale.
_FORMAT = 1
_DECIDING = ("intensity", "plane", "spacing", "zoom", "channels")
"""What of the preprocessing decides how a case looks; the rest is for those who look at it."""


class StoredCase(NamedTuple):
    """One case in working size."""

    pixels: NDArray[Any]
    """(D, h, w, C) of 0 to 255; uint8 where the intensities are those of the file, else float16."""
    labels: NDArray[np.uint8]
    """(D, h, w) of classes, 255 for void."""
    lesions: Lesions


@dataclass(frozen=True)
class CaseStore:
    """Cases in order; pickled, they are the names of their files."""

    files: tuple[Path, ...]
    """Of each case, without what follows the name."""
    _mapped: dict[int, StoredCase] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[Callable[[tuple[Path, ...]], "CaseStore"], tuple[Any]]:
        """Leaves what is mapped to the process that has mapped it."""
        return CaseStore, (self.files,)

    def __len__(self) -> int:
        """Number of cases."""
        return len(self.files)

    def __getitem__(self, index: int) -> StoredCase:
        """One case, whose arrays are mapped from its files."""
        if index not in self._mapped:
            self._mapped[index] = _map(self.files[index])
        return self._mapped[index]

    def __iter__(self) -> Iterator[StoredCase]:
        """The cases in order."""
        return (self[index] for index in range(len(self)))

    def subset(self, indices: Sequence[int]) -> Self:
        """The store of some of the cases, in this order."""
        return type(self)(tuple(self.files[index] for index in indices))


def store_cases(cases: Sequence[Case], preprocess: Preprocess, classes: PixelClasses) -> CaseStore:
    """Brings cases to working size, unless an earlier run has done so.

    The files lie in `cache_folder()`, and may be deleted whenever nothing runs. A case is known by the paths, sizes and
    times of its files, and by what is done to it.

    Args:
        cases: With masks.
        preprocess: How a scan becomes what the network sees.
        classes: What the values of the masks mean.

    Raises:
        ValueError: A case cannot be read, or there is no room for the cache.
    """
    try:
        folder = cache_folder() / "medical"
        folder.mkdir(parents=True, exist_ok=True)
    # Without a home, that is a RuntimeError.
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"prepared cases need a folder that can be written: {error}: set LUMBAR_CACHE to one"
        ) from error
    files = [folder / _key(case, preprocess, classes) for case in cases]
    missing = [row for row in zip(cases, files, strict=True) if not _is_whole(row[1])]
    if missing:
        _log.info("preparing %d of %d cases once, in %s", len(missing), len(cases), folder)
    for case, file in track(
        missing,
        f"preparing {len(missing)} cases",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ):
        with FileLock(f"{file}.lock"):
            if not _is_whole(file):
                _write(file, case, preprocess, classes)
    return CaseStore(tuple(files))


def identity(file: Path) -> str:
    """What changes when a file, or a folder of files, is changed: path, size and time."""
    parts = sorted(file.iterdir()) if file.is_dir() else [file]
    states = [(part.absolute(), part.stat()) for part in parts]
    return "\n".join(f"{path} {state.st_size} {state.st_mtime_ns}" for path, state in states)


def _key(case: Case, preprocess: Preprocess, classes: PixelClasses) -> str:
    done = {key: value for key, value in preprocess.to_dict().items() if key in _DECIDING}
    assert case.mask is not None, case.name
    known = [json.dumps([_FORMAT, done, classes.to_dict()])]
    known += [identity(file) for file in (*case.images, case.mask)]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:32]


def _paths(file: Path) -> tuple[Path, Path, Path]:
    pixels, labels, lesions = (
        file.with_name(file.name + end) for end in (".pixels.npy", ".labels.npy", ".lesions.npz")
    )
    return pixels, labels, lesions


def _is_whole(file: Path) -> bool:
    # Written in this order, each whole or not at all.
    return _paths(file)[-1].is_file()


def _write(file: Path, case: Case, preprocess: Preprocess, classes: PixelClasses) -> None:
    volume = read_volume(case.images, plane=preprocess.plane)
    scan = prepared(volume, preprocess)
    truth = read_truth(case, volume, classes)
    labels = resize_labels(truth, (scan.shape[1], scan.shape[2]))
    whole = preprocess.intensity.kind == "none" and volume.pixels.dtype == np.uint8
    pixels = np.ascontiguousarray(
        np.rint(scan) if whole else scan, np.uint8 if whole else np.float16
    )
    to_pixels, to_labels, to_lesions = _paths(file)
    for path, array in ((to_pixels, pixels), (to_labels, np.ascontiguousarray(labels))):
        _save(path, array)
    lesions = find_lesions(labels, len(classes))._asdict()
    with atomic_write(to_lesions) as partial, partial.open("wb") as content:
        np.savez_compressed(content, **lesions)


def _save(path: Path, array: NDArray[Any]) -> None:
    # np.save does not notice when the disk is full.
    header = np.lib.format.header_data_from_array_1_0(array)
    with atomic_write(path) as partial, partial.open("wb") as content:
        np.lib.format.write_array_header_1_0(content, header)
        content.write(array.data)


def _map(file: Path) -> StoredCase:
    pixels, labels, lesions = _paths(file)
    with np.load(lesions, allow_pickle=False) as found:
        return StoredCase(
            np.load(pixels, mmap_mode="r", allow_pickle=False),
            np.load(labels, mmap_mode="r", allow_pickle=False),
            Lesions(**{name: found[name] for name in Lesions._fields}),
        )
