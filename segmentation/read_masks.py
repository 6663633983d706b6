"""From the settings of a split to its images and masks: finds the files, picks the reader, says what is missing."""

from pathlib import Path

from lumbar.data.coco_outlines import read_coco_outlines
from lumbar.data.coco_panoptic import is_panoptic, read_coco_panoptic
from lumbar.data.mask_folders import Naming, read_class_folders, read_mask_files
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import PixelClasses
from segmentation.data_config import MaskSplitConfig


def read_masks(
    split: MaskSplitConfig, root: Path, *, classes: PixelClasses | None, name: str
) -> MaskRecords:
    """Reads what a split consists of; of images and masks only the headers.

    Args:
        split: Where they lie, in which format, and how many images to use.
        root: Folder that the paths of the split are relative to.
        classes: What the values of the masks mean; None where a COCO file says so.
        name: Of the split: train, val or test.

    Raises:
        ValueError: Files are missing or wrong, or there are no images or no classes.
    """
    for key, value in (("images", split.images), ("masks", split.masks)):
        if not value:
            raise ValueError(
                f"data.{name}.{key} is not set: set it to a file or folder in {root.absolute()}"
            )
        _check_exists(root / value, f"data.{name}.{key}", root)
    records = _read(split, root, classes, name)
    if not len(records):
        raise ValueError(f"data.{name}: {(root / split.masks).absolute()} has no images with masks")
    return records if split.limit is None else records.first(split.limit)


def _read(
    split: MaskSplitConfig, root: Path, classes: PixelClasses | None, name: str
) -> MaskRecords:
    images, masks = root / split.images, root / split.masks
    kind = _detect(masks) if split.format == "auto" else split.format
    if kind == "coco":
        return read_coco_outlines(
            masks, images, classes=classes, min_area=split.min_area, name=name
        )
    if kind == "panoptic":
        return read_coco_panoptic(masks, images, classes=classes)
    if classes is None:
        raise ValueError(
            "data.classes is not set: say what the values of the masks mean, like {background: 0, nucleus: 255}"
        )
    listing = root / split.listing if split.listing else None
    if listing is not None:
        _check_exists(listing, f"data.{name}.listing", root)
    naming = Naming(split.image_suffix, split.mask_suffix, listing)
    reader = read_class_folders if kind == "class_folders" else read_mask_files
    return reader(images, masks, naming=naming, classes=classes, name=name)


def _detect(masks: Path) -> str:
    if masks.suffix.lower() != ".json":
        return "files"
    return "panoptic" if is_panoptic(masks) else "coco"


def _check_exists(path: Path, key: str, root: Path) -> None:
    if not path.exists():
        raise ValueError(
            f"{key}: no such file or folder: {path.absolute()}. Set {key}=PATH, or data.root=FOLDER, which is now "
            f"{root.absolute()}"
        )
