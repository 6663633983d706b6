"""Images and masks in folders that are alike: files belong together by their names."""

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lumbar.data.faults import refuse
from lumbar.data.image_io import image_size, list_images, resolve_inside
from lumbar.data.mask_io import is_turned, mask_size
from lumbar.data.mask_records import ClassFolders, MaskFiles, MaskRecords, check_size
from lumbar.data.pixel_classes import PixelClasses
from lumbar.data.records import ImageTable

_log = logging.getLogger(__name__)


class Naming(NamedTuple):
    """What the names of an image and its mask have in common, and which of them are used."""

    image_suffix: str = ""
    """End of the names of images, before the file type, that masks lack."""
    mask_suffix: str = ""
    """End of the names of masks, before the file type, that images lack."""
    listing: Path | None = None
    """Text file with what an image and its mask are both called on each line; None takes all images."""


def read_mask_files(
    images: Path, masks: Path, *, naming: Naming, classes: PixelClasses, name: str
) -> MaskRecords:
    """Pairs each image with the mask of its name; both may be in subfolders.

    Images get ids from 1 in the order of their names, or of the list. Of the files only the headers are read.

    Args:
        images: Folder of the images.
        masks: Folder of the masks, which may be the same.
        naming: What names have in common.
        classes: What the values of the masks mean.
        name: Of the split, for messages.

    Raises:
        ValueError: Names do not pair up, sizes differ, or a file is no image.
    """
    files = _by_key(masks, naming.mask_suffix)
    own = {*files.values()} if images.resolve() == masks.resolve() else set()
    chosen = _chosen(_by_key(images, naming.image_suffix, without=own), naming, images)
    faults = [
        f"{images / file}: no mask in {masks}" for key, file in chosen.items() if key not in files
    ]
    _refuse_unpaired(faults + _without_image({masks: files}, chosen, naming), name)
    names = np.array([files[key] for key in chosen], dtype=np.str_)
    table = _image_table(images, [*chosen.values()], [[masks / file] for file in names], name)
    return MaskRecords.whole(table, images, masks=MaskFiles(masks, names), classes=classes)


def read_class_folders(
    images: Path, masks: Path, *, naming: Naming, classes: PixelClasses, name: str
) -> MaskRecords:
    """Finds the masks of each image in a folder for each class; without one, an image does not have the class.

    Args:
        images: Folder of the images.
        masks: Folder with a folder named as each class.
        naming: What names have in common.
        classes: What stands for each class in its own masks, where 0 stands for all else.
        name: Of the split, for messages.

    Raises:
        ValueError: 0 stands for a class, a class has no folder, a mask no image, sizes differ, or a file is no image.
    """
    for label in range(len(classes)):
        classes.binary_table(label)
    refuse(
        [f"{masks / folder}" for folder in classes.names if not (masks / folder).is_dir()],
        what=f"data.{name}.masks: classes without a folder",
    )
    files = {folder: _by_key(masks / folder, naming.mask_suffix) for folder in classes.names}
    chosen = _chosen(_by_key(images, naming.image_suffix), naming, images)
    folders = {masks / folder: inside for folder, inside in files.items()}
    _refuse_unpaired(_without_image(folders, chosen, naming), name)
    rows = [
        [f"{folder}/{inside[key]}" if key in inside else "" for folder, inside in files.items()]
        for key in chosen
    ]
    paths = [[masks / file for file in row if file] for row in rows]
    table = _image_table(images, [*chosen.values()], paths, name)
    found = ClassFolders(masks, np.array(rows, dtype=np.str_), classes.names)
    return MaskRecords.whole(table, images, masks=found, classes=classes)


def _by_key(
    folder: Path, suffix: str, *, without: AbstractSet[str] = frozenset()
) -> dict[str, str]:
    """The image files of a folder whose names end with the suffix, by what is left of the names without it."""
    found: dict[str, str] = {}
    twins = []
    for file in list_images(folder):
        stem = file.rpartition(".")[0]
        if stem.endswith(suffix) and file not in without:
            key = stem.removesuffix(suffix)
            twins += [f"{folder / file}: so is {found[key]}"] if key in found else []
            found[key] = file
    refuse(twins, what="files that are named alike", fix="remove or rename one of each")
    if not found:
        ending = f" whose names end in {suffix}" if suffix else ""
        raise ValueError(f"{folder.absolute()}: no image files{ending}")
    return found


def _chosen(files: Mapping[str, str], naming: Naming, images: Path) -> Mapping[str, str]:
    """The images of the list, or all."""
    if naming.listing is None:
        return files
    lines = naming.listing.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    keys = [*dict.fromkeys(line.strip() for line in lines if line.strip())]
    if not keys:
        raise ValueError(f"{naming.listing}: no names of images")
    missing = [f"{resolve_inside(images, key)}" for key in keys if key not in files]
    refuse(missing, what=f"{naming.listing}: names without an image")
    return {key: files[key] for key in keys}


def _without_image(
    folders: Mapping[Path, Mapping[str, str]], images: Mapping[str, str], naming: Naming
) -> list[str]:
    """Masks that no image has; where there is a list, they may be of other images."""
    return [
        f"{folder / file}: no image"
        for folder, files in folders.items()
        for key, file in files.items()
        if key not in images and naming.listing is None
    ]


def _refuse_unpaired(faults: Sequence[str], name: str) -> None:
    refuse(
        faults,
        what=f"data.{name}: names of images and masks do not pair up",
        fix=f"Masks are nested and named as their images; set data.{name}.mask_suffix=_mask where that of case7.jpg is "
        f"called case7_mask.png, or data.{name}.listing to a file with the names to use",
    )


def _image_table(
    root: Path, names: Sequence[str], masks: Sequence[Sequence[Path]], name: str
) -> ImageTable:
    """Reads the sizes of the images, and compares them with those of their masks."""
    sizes, faults, turned = [], [], []
    for file, own in zip(names, masks, strict=True):
        try:
            sizes.append(image_size(root / file))
            for mask in own:
                check_size(mask, mask_size(mask), sizes[-1])
            if is_turned(root / file) and not all(map(is_turned, own)):
                turned.append(file)
        except ValueError as error:
            faults.append(str(error))
    refuse(faults, what=f"data.{name}: images and masks that do not fit")
    if turned:
        _log.warning(
            "data.%s: %d images are turned, as their EXIF data say, but their masks are not (first %s): they are taken "
            "to show the turned images",
            name,
            len(turned),
            turned[0],
        )
    return ImageTable(
        names=np.array(names, dtype=np.str_),
        ids=np.arange(1, len(names) + 1),
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
    )
