"""The files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as they are published: python, binary, or a folder of PNGs.

The python version is made of pickles, which can hold code: they are read by the reader for weights, which runs none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from backbones.pickles import read_content
from classification.labelled import Decoding, LabelledImages, Pixels

_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE

_TEN = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_META = ("batches.meta", "meta", "batches.meta.txt", "fine_label_names.txt")


class _File(NamedTuple):
    pixels: NDArray[np.uint8]
    """(N, 3072): the planes of red, green and blue, row by row."""
    labels: NDArray[np.int64]
    """(N,)."""
    num_classes: int


@dataclass(frozen=True, eq=False)
class _Planes:
    pixels: NDArray[np.uint8]
    """(N, 3072)."""

    def read(self, place: int, decoding: Decoding) -> Pixels:
        planes = self.pixels[place].reshape(3, _SIDE, _SIDE)
        return decoding.fit(np.ascontiguousarray(planes.transpose(1, 2, 0)))

    def name(self, place: int) -> str:
        return str(place)


def read_cifar(pattern: str) -> LabelledImages:
    """Reads the images of one or several files, in the order of their names.

    Args:
        pattern: A path or a glob: `cifar-10-batches-py/data_batch_*`, `cifar-100-binary/test.bin`.

    Raises:
        ValueError: There is no such file, or it is damaged or something else.
    """
    paths = [Path(path) for path in sorted(glob(pattern))]  # noqa: PTH207 - absolute patterns too
    if not paths:
        raise ValueError(f"no such file of CIFAR: {pattern}")
    files = [_read_file(path) for path in paths]
    num_classes = max(file.num_classes for file in files)
    labels = np.concatenate([file.labels for file in files])
    return LabelledImages(
        source=_Planes(np.concatenate([file.pixels for file in files])),
        places=np.arange(len(labels)),
        labels=labels,
        class_names=_class_names(paths[0].parent, num_classes),
    )


def _read_file(path: Path) -> _File:
    file = _from_binary(path) if path.suffix == ".bin" else _from_python(path)
    if not len(file.labels) or len(file.pixels) != len(file.labels):
        raise ValueError(f"{path}: {len(file.pixels)} images with {len(file.labels)} labels")
    if file.labels.min() < 0 or file.labels.max() >= file.num_classes:
        raise ValueError(
            f"{path}: labels from {file.labels.min()} to {file.labels.max()}, beyond the {file.num_classes} classes"
        )
    return file


def _from_python(path: Path) -> _File:
    content = _mapping(path)
    pixels = content.get("data")
    fine = "fine_labels" in content
    labels = content.get("fine_labels" if fine else "labels")
    if not isinstance(pixels, Tensor) or pixels.shape[1:] != (_PIXELS,):
        raise ValueError(f'{path}: no file of CIFAR, which has (N, {_PIXELS}) bytes under "data"')
    if not isinstance(labels, list) or not all(isinstance(label, int) for label in labels):
        raise ValueError(f'{path}: no file of CIFAR, which has a list "labels" or "fine_labels"')
    return _File(pixels.byte().numpy(), np.array(labels, dtype=np.int64), 100 if fine else 10)


def _mapping(path: Path) -> Mapping[str, object]:
    """What a pickle of Python 2 or 3 holds, by the text of its keys."""
    content = read_content(path)
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: no file of CIFAR, which holds a mapping")
    return {_text(key): value for key, value in content.items()}


def _text(value: object) -> str:
    """Python 3 reads the text of Python 2 as text, or as bytes where it was written by Python 3 itself."""
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _from_binary(path: Path) -> _File:
    """Rows of one label for CIFAR-10, of a coarse and a fine one for CIFAR-100, and the pixels."""
    raw = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    fits = [columns for columns in (1, 2) if len(raw) % (columns + _PIXELS) == 0]
    if not len(raw) or not fits:
        raise ValueError(
            f"{path}: {len(raw)} bytes are no whole number of images of CIFAR: is the file complete?"
        )
    # A file of both lengths has 3073 * 3074 images' bytes: the name tells then, as it does for people.
    columns = fits[0] if len(fits) == 1 else 1 + ("100" in path.parent.name)
    rows = raw.reshape(-1, columns + _PIXELS)
    return _File(
        rows[:, columns:], rows[:, columns - 1].astype(np.int64), 10 if columns == 1 else 100
    )


def _class_names(folder: Path, num_classes: int) -> tuple[str, ...]:
    """From the list that is published beside the images; numbers where it is missing."""
    for path in (folder / name for name in _META):
        names = _listed(path) if path.is_file() else ()
        if len(names) == num_classes:
            return tuple(names)
    return _TEN if num_classes == len(_TEN) else tuple(map(str, range(num_classes)))


def _listed(path: Path) -> Sequence[str]:
    if path.suffix == ".txt":
        return path.read_text(encoding="utf-8").split()
    content = _mapping(path)
    names = content.get("fine_label_names", content.get("label_names"))
    return list(map(_text, names)) if isinstance(names, list) else ()
