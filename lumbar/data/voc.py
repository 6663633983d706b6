"""Pascal VOC annotations: one XML file for each image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from lumbar.data.categories import Categories
from lumbar.data.image_io import image_size, list_images, resolve_inside
from lumbar.data.records import Annotations, BoxTable, ImageTable, Records, Repair

_LARGEST = 1e12


class _Object(NamedTuple):
    name: str
    box: tuple[float, float, float, float]
    """x, y, width, height."""
    difficult: bool


class _Entry(NamedTuple):
    file_name: str
    size: tuple[int, int]
    """Height and width, 0 where the file does not say."""
    objects: list[_Object]


def read_voc(annotations: Path, images: Path, *, name: str) -> Records:
    """Reads VOC XML files; the classes are all names in the folder in alphabetical order, with ids from 1.

    Coordinates count pixels from 1 and include the last one: xmin 1, xmax 10 is the box from 0 to 10. Objects marked
    difficult become crowds: they are not trained on, and finding them is neither right nor wrong. Images get ids
    from 1 in the order of the files, or of the list.

    Args:
        annotations: The folder of XML files, or a text file with an image name on each line; the XML files then lie
            in a folder `Annotations` beside it or up to two levels above, as in the VOC tree.
        images: Folder of the images.
        name: Of the split, for messages.

    Raises:
        ValueError: A file is missing, is not XML, has a document type declaration or lacks a value, or an image name
            leaves the folder.
    """
    files, every = _xml_files(annotations)
    parsed = {path: _parse(path, images) for path in every}
    names = sorted({item.name for entry in parsed.values() for item in entry.objects})
    entries = {path: parsed[path] for path in files}
    unsized = [path.name for path, entry in entries.items() if 0 in entry.size]
    repair = "images without height or width: read from the file"
    found = Annotations.build(
        _image_table(entries, images),
        _box_table([entry.objects for entry in entries.values()], names),
        categories=Categories(names=tuple(names), ids=tuple(range(1, len(names) + 1))),
        repairs={repair: Repair(len(unsized), unsized[0])} if unsized else {},
    )
    return Records.whole(found, images, source=f"data.{name} ({annotations})")


def _xml_files(annotations: Path) -> tuple[list[Path], list[Path]]:
    """The XML files of the split, and all that lie in their folder."""
    folder = annotations if annotations.is_dir() else _annotations_folder(annotations)
    every = sorted(folder.glob("*.xml"))
    files = every if annotations.is_dir() else _listed(annotations, folder)
    missing = set(files) - set(every)
    if missing:
        raise ValueError(f"{annotations}: no such file: {min(missing)}")
    if not files:
        raise ValueError(f"{annotations}: no XML files")
    return files, every


def _annotations_folder(listing: Path) -> Path:
    places = [parent / "Annotations" for parent in list(listing.absolute().parents)[:3]]
    for place in places:
        if place.is_dir():
            return place
    raise ValueError(
        f"{listing}: no folder of XML files for this list: looked for {', '.join(map(str, places))}"
    )


def _listed(listing: Path, folder: Path) -> list[Path]:
    lines = map(str.strip, listing.read_text(encoding="utf-8-sig", errors="replace").splitlines())
    return [resolve_inside(folder, f"{line}.xml") for line in dict.fromkeys(lines) if line]


class _PlainXml(ET.TreeBuilder):
    """Builds documents without a type declaration, which is what entity bombs and outside files need."""

    def doctype(self, *_: str | None) -> None:
        raise ValueError("a document type declaration (<!DOCTYPE) is not accepted: remove it")


def _parse(path: Path, images: Path) -> _Entry:
    try:
        root = ET.fromstring(path.read_bytes(), parser=ET.XMLParser(target=_PlainXml()))  # noqa: S314 - no entities
        file_name = root.findtext("filename") or path.stem
        resolve_inside(images, file_name)
        return _Entry(
            file_name=file_name,
            size=(_edge(root, "size/height"), _edge(root, "size/width")),
            objects=[_parse_object(item) for item in root.findall("object")],
        )
    except ET.ParseError as error:
        raise ValueError(f"{path}: not XML: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _parse_object(item: ET.Element) -> _Object:
    name = (item.findtext("name") or "").strip()
    if not name:
        raise ValueError("an <object> has no <name>")
    left, top, right, bottom = (
        _number(item, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")
    )
    box = (left - 1, top - 1, right - left + 1, bottom - top + 1)
    return _Object(name, box, difficult=(item.findtext("difficult") or "0").strip() == "1")


def _edge(root: ET.Element, tag: str) -> int:
    return 0 if root.find(tag) is None else max(0, int(_number(root, tag)))


def _number(element: ET.Element, tag: str) -> float:
    text = element.findtext(tag)
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not abs(value) < _LARGEST:
        raise ValueError(f"<{element.tag}> needs a finite number in <{tag}>, got {text!r}")
    return value


def _image_table(entries: Mapping[Path, _Entry], root: Path) -> ImageTable:
    by_stem = {Path(file_name).stem: file_name for file_name in list_images(root)}
    names = [_image_name(path, entry, root, by_stem) for path, entry in entries.items()]
    sizes = [
        image_size(root / file_name) if 0 in entry.size else entry.size
        for file_name, entry in zip(names, entries.values(), strict=True)
    ]
    return ImageTable(
        names=np.array(names, dtype=np.str_),
        ids=np.arange(1, len(names) + 1),
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
    )


def _image_name(path: Path, entry: _Entry, root: Path, by_stem: Mapping[str, str]) -> str:
    """The image that an XML file names, or else the one of its own name."""
    if (root / entry.file_name).is_file():
        return entry.file_name
    if path.stem in by_stem:
        return by_stem[path.stem]
    raise ValueError(f"{path}: no image {entry.file_name!r} in {root.absolute()}")


def _box_table(objects: Sequence[Sequence[_Object]], names: Sequence[str]) -> BoxTable:
    label = {name: index for index, name in enumerate(names)}
    flat = [item for items in objects for item in items]
    return BoxTable(
        owners=np.repeat(np.arange(len(objects)), [len(items) for items in objects]),
        boxes=np.array([item.box for item in flat], dtype=np.float64).reshape(-1, 4),
        labels=np.array([label[item.name] for item in flat], dtype=np.int64),
        crowd=np.array([item.difficult for item in flat], dtype=np.bool_),
        areas=np.full(len(flat), np.nan),
    )
