"""YOLO annotations: a text file for each image, a line `class cx cy w h` for each object, in fractions of the image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from lumbar.data.categories import Categories
from lumbar.data.image_io import image_size, list_images
from lumbar.data.records import Annotations, BoxTable, ImageTable, Records

_NAME_FILES = ("data.yaml", "data.yml", "classes.txt", "obj.names")
_LARGEST = 1e6


def read_yolo(annotations: Path, images: Path, *, name: str) -> Records:
    """Reads a folder of YOLO text files; images without one have no objects.

    The class names come from `data.yaml`, `classes.txt` or `obj.names` in the folder or up to two levels above; the
    ids are those of the text files. Images get ids from 1 in the order of their names; their sizes are read from the
    image files.

    Args:
        annotations: Folder of the text files, named and nested as the images are.
        images: Folder of the images.
        name: Of the split, for messages.

    Raises:
        ValueError: There are no class names or no images, a text file has no image, or a line is not five numbers.
    """
    names = _class_names(annotations)
    files = list_images(images)
    if not files:
        raise ValueError(f"{images.absolute()}: no image files")
    labels = [(annotations / file_name).with_suffix(".txt") for file_name in files]
    _check_images(annotations, set(labels), images)
    sizes = np.array([image_size(images / file_name) for file_name in files], dtype=np.int64)
    rows = [_parse(path, len(names)) if path.is_file() else [] for path in labels]
    table = ImageTable(
        names=np.array(files, dtype=np.str_),
        ids=np.arange(1, len(files) + 1),
        sizes=sizes.reshape(-1, 2),
    )
    found = Annotations.build(
        table,
        _box_table(rows, table.sizes),
        categories=Categories(names=names, ids=tuple(range(len(names)))),
        repairs={},
    )
    return Records.whole(found, images, source=f"data.{name} ({annotations})")


def _class_names(annotations: Path) -> tuple[str, ...]:
    folders = [annotations.absolute(), *annotations.absolute().parents][:3]
    places = [folder / file_name for folder in folders for file_name in _NAME_FILES]
    for place in places:
        if place.is_file():
            return _read_names(place)
    raise ValueError(
        f"{annotations}: no class names: write them, one on each line, into {folders[0] / 'classes.txt'} (looked for "
        f"{', '.join(_NAME_FILES)} there, in {' and in '.join(map(str, folders[1:]))})"
    )


def _read_names(path: Path) -> tuple[str, ...]:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix not in (".yaml", ".yml"):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[index] for index in range(len(names))]
    if not isinstance(names, list):
        raise ValueError(
            f'{path}: "names" must be a list, or number the classes from 0, got {names!r}'
        )
    return tuple(map(str, names))


def _check_images(annotations: Path, labels: set[Path], images: Path) -> None:
    known = labels | {annotations / file_name for file_name in _NAME_FILES}
    orphans = sorted(set(annotations.rglob("*.txt")) - known)
    if orphans:
        raise ValueError(
            f"{orphans[0]}: no image of this name in {images.absolute()} ({len(orphans)} such files): "
            "text files are named and nested as their images are"
        )


def _parse(path: Path, num_classes: int) -> list[list[float]]:
    rows = []
    for number, line in enumerate(
        path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1
    ):
        if line.strip():
            rows.append(_parse_line(line, f"{path}:{number}", num_classes))
    return rows


def _parse_line(line: str, where: str, num_classes: int) -> list[float]:
    try:
        row = [float(word) for word in line.split()]
    except ValueError:
        row = []
    if len(row) != 5 or not all(abs(value) < _LARGEST for value in row):
        raise ValueError(f'{where}: expected "class cx cy w h", five numbers, got {line[:80]!r}')
    if row[0] not in range(num_classes):
        raise ValueError(f"{where}: class {row[0]:g}, but the classes are 0 to {num_classes - 1}")
    return row


def _box_table(rows: Sequence[Sequence[Sequence[float]]], sizes: NDArray[np.int64]) -> BoxTable:
    owners = np.repeat(np.arange(len(rows)), [len(items) for items in rows])
    flat = np.array([row for items in rows for row in items], dtype=np.float64).reshape(-1, 5)
    edges = sizes[owners][:, ::-1]
    centres, lengths = flat[:, 1:3] * edges, flat[:, 3:] * edges
    return BoxTable(
        owners=owners,
        boxes=np.concatenate((centres - lengths / 2, lengths), axis=1),
        labels=flat[:, 0].astype(np.int64),
        crowd=np.zeros(len(flat), dtype=np.bool_),
        areas=np.full(len(flat), np.nan),
    )
