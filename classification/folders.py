"""Image folders: a folder for each class, named as the class is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classification.labelled import Decoding, LabelledImages, Pixels
from lumbar.data.image_io import list_images


@dataclass(frozen=True)
class _Files:
    folder: Path
    names: tuple[str, ...]

    def read(self, place: int, decoding: Decoding) -> Pixels:
        return decoding.read(self.folder / self.names[place])

    def name(self, place: int) -> str:
        return self.names[place]


def read_folders(folder: Path) -> LabelledImages:
    """Lists the images below the folders of a folder; no image is opened.

    Images of a class may lie in folders of its folder. Classes and images are in alphabetical order, so that their
    numbers are the same everywhere; hidden folders are left out.

    Raises:
        ValueError: There are no class folders, or one of them is empty.
    """
    if not folder.is_dir():
        raise ValueError(f"no such folder: {folder.absolute()}")
    classes = sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    files = [[f"{path.name}/{name}" for name in list_images(path)] for path in classes]
    empty = [path.name for path, names in zip(classes, files, strict=True) if not names]
    if not classes or empty:
        found = f"no image in {', '.join(empty)}" if empty else "no folder"
        raise ValueError(
            f"{found} of {folder.absolute()}: there must be a folder of images for each class, as "
            f"{folder.name}/cat and {folder.name}/dog"
        )
    labels = np.repeat(np.arange(len(classes)), [len(names) for names in files])
    return LabelledImages(
        source=_Files(folder, tuple(name for names in files for name in names)),
        places=np.arange(len(labels)),
        labels=labels,
        class_names=tuple(path.name for path in classes),
    )
