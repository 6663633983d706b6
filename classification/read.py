"""From the settings of a split to its labelled images: finds the files, picks the reader, says what is missing."""

from pathlib import Path

from classification.boxes import read_boxes
from classification.cifar import read_cifar
from classification.data_config import BoxCropConfig, ImageSplitConfig
from classification.folders import read_folders
from classification.labelled import LabelledImages


def read_images(
    split: ImageSplitConfig, root: Path, *, boxes: BoxCropConfig, name: str
) -> LabelledImages:
    """Reads what is known of a split; images in files of their own are not opened.

    Args:
        split: Where they lie, in which format, and how many to use.
        root: Folder that its paths are relative to.
        boxes: How boxes are cut out, where they are the images.
        name: Of the split: train, val or test.

    Raises:
        ValueError: Files are missing or wrong, or no image is left.
    """
    if not split.images:
        raise ValueError(
            f"data.{name}.images is not set: set it to a folder with a folder for each class, to files of CIFAR, or "
            f"with data.{name}.annotations to a folder of images, in {root.absolute()}"
        )
    try:
        images = _read(split, root, boxes, name)
    except ValueError as error:
        message = str(error)
        raise ValueError(
            message if message.startswith("data.") else f"data.{name}.images: {message}"
        ) from error
    kept = images.part(skip=split.skip, limit=split.limit, max_per_class=split.max_per_class)
    if not len(kept):
        raise ValueError(
            f"data.{name}: none of {len(images)} images is left; set data.{name}.skip, which is {split.skip}, lower"
        )
    return kept


def _read(split: ImageSplitConfig, root: Path, boxes: BoxCropConfig, name: str) -> LabelledImages:
    place = root / split.images
    kind = split.format
    if kind == "auto":
        kind = "boxes" if split.annotations else "folders" if place.is_dir() else "cifar"
    if kind == "boxes":
        return read_boxes(split, root, boxes, name=name)
    if split.annotations:
        raise ValueError(
            f"data.{name}.annotations has no effect on the format {kind}; leave it out, or set data.{name}.format=boxes"
        )
    return read_folders(place) if kind == "folders" else read_cifar(str(place))
