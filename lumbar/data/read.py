"""From the settings of a split to its records: finds the files, picks the reader, says what is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lumbar.data.coco import read_coco
from lumbar.data.config import SplitConfig
from lumbar.data.records import Records
from lumbar.data.voc import read_voc
from lumbar.data.yolo import read_yolo

Format = Literal["coco", "voc", "yolo"]
_READERS: dict[Format, Callable[..., Records]] = {
    "coco": read_coco,
    "voc": read_voc,
    "yolo": read_yolo,
}
_COCO_ADVICE = (
    ". COCO is free at https://cocodataset.org/#download (2017 train images, val images and annotations); "
    "unpack it to datasets/coco/train2017, datasets/coco/val2017 and datasets/coco/annotations"
)


def read_split(split: SplitConfig, root: Path, *, name: str) -> Records:
    """Reads the annotations of one split; of the images only the first is looked for.

    Args:
        split: Where they lie, in which format, and how many images to use.
        root: Folder that the paths of the split are relative to.
        name: Of the split: train, val or test.

    Raises:
        ValueError: Files are missing or wrong, or there are no images or no classes.
    """
    if not split.annotations:
        raise ValueError(
            f"data.{name}.annotations is not set: set it to a file or folder in {root.absolute()}"
        )
    annotations, images = root / split.annotations, root / split.images
    _check_exists(annotations, f"data.{name}.annotations", root)
    _check_exists(images, f"data.{name}.images", root)
    kind = _detect(annotations, name) if split.format == "auto" else split.format
    records = _READERS[kind](annotations, images, name=name)
    if not len(records) or not len(records.categories):
        raise ValueError(
            f"data.{name}.annotations: {annotations.absolute()} has {len(records)} images and "
            f"{len(records.categories)} classes: there is nothing to learn or to measure"
        )
    _check_exists(records[0].path, f"data.{name}.images", root)
    return records if split.limit is None else records.first(split.limit)


def _check_exists(path: Path, key: str, root: Path) -> None:
    if path.exists():
        return
    where = path.absolute()
    advice = _COCO_ADVICE if "coco" in str(where).lower() else ""
    raise ValueError(
        f"{key}: no such file or folder: {where}. Set {key}=PATH, or data.root=FOLDER, which is now "
        f"{root.absolute()}{advice}"
    )


def _detect(annotations: Path, name: str) -> Format:
    if annotations.suffix.lower() == ".json":
        return "coco"
    if annotations.suffix.lower() == ".txt" or any(annotations.glob("*.xml")):
        return "voc"
    if any(annotations.rglob("*.txt")):
        return "yolo"
    raise ValueError(
        f"data.{name}.annotations: {annotations.absolute()} is neither a .json file (COCO), nor a folder of .xml files "
        f"or a .txt list (VOC), nor a folder of .txt files (YOLO): set data.{name}.format"
    )
