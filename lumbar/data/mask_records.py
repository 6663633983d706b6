"""The images and masks of a split as flat arrays: cheap to share with loader workers, however many there are."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lumbar.data.mask_io import mask_size, read_labels
from lumbar.data.pixel_classes import PixelClasses
from lumbar.data.records import ImageTable
from lumbar.data.sizes import Size


class MaskRecord(NamedTuple):
    """One image of a split."""

    path: Path
    image_id: int
    """Another one for each image of the split."""
    size: Size
    """Height and width of the image."""


class Masks(ABC):
    """The masks of N images, wherever they come from."""

    @abstractmethod
    def read(self, place: int, size: Size, classes: PixelClasses) -> NDArray[np.uint8]:
        """Reads the mask of one image.

        Args:
            place: Of the image, 0..N-1.
            size: Height and width of the image.
            classes: What the values of the mask mean.

        Returns:
            uint8: (H, W) of classes in 0..K-1 and IGNORE, or (K, H, W) of 0, 1 and IGNORE.

        Raises:
            ValueError: The mask is missing, damaged or of another size, or has a value that stands for nothing.
        """

    @abstractmethod
    def files(self, place: int) -> list[Path]:
        """The files that the mask of one image is read from."""


@dataclass(frozen=True)
class MaskFiles(Masks):
    """A file for each image."""

    root: Path
    names: NDArray[np.str_]
    """(N,) relative to the folder."""

    def read(self, place: int, size: Size, classes: PixelClasses) -> NDArray[np.uint8]:
        """Decodes a file to (H, W)."""
        [path] = self.files(place)
        check_size(path, mask_size(path), size)
        return read_labels(
            path, classes, max_megapixels=inf
        )  # as large as its image, which was checked

    def files(self, place: int) -> list[Path]:
        """The file of one image."""
        return [self.root / str(self.names[place])]


@dataclass(frozen=True)
class ClassFolders(Masks):
    """A file for each class that an image has, in the folder of the class."""

    root: Path
    names: NDArray[np.str_]
    """(N, K) relative to the folder; empty where an image does not have the class."""
    class_names: tuple[str, ...]
    """Of the K columns."""

    def read(self, place: int, size: Size, classes: PixelClasses) -> NDArray[np.uint8]:
        """Decodes up to K files to (K, H, W)."""
        labels = np.zeros((len(classes), *size), dtype=np.uint8)
        for name, file in zip(self.class_names, self.names[place].tolist(), strict=True):
            if file:
                path, label = self.root / file, classes.names.index(name)
                check_size(path, mask_size(path), size)
                labels[label] = read_labels(path, classes, alone=label, max_megapixels=inf)
        return labels

    def files(self, place: int) -> list[Path]:
        """The files of the classes that an image has."""
        return [self.root / file for file in self.names[place].tolist() if file]


@dataclass(frozen=True, kw_only=True)
class MaskRecords:
    """The N images of a split with their masks: which ones of all that were read, and how classes are numbered."""

    images: ImageTable
    """All images that were read."""
    image_root: Path
    """Folder of the images."""
    masks: Masks
    """Of all images that were read."""
    chosen: NDArray[np.int64]
    """(N,) their places in `images`."""
    classes: PixelClasses

    @classmethod
    def whole(
        cls, images: ImageTable, image_root: Path, *, masks: Masks, classes: PixelClasses
    ) -> Self:
        """Takes all images.

        Args:
            images: What was read.
            image_root: Folder of the images.
            masks: Of the same images.
            classes: What the values of the masks mean.
        """
        chosen = np.arange(len(images.ids))
        return cls(
            images=images, image_root=image_root, masks=masks, chosen=chosen, classes=classes
        )

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """(N,) another one for each image."""
        return self.images.ids[self.chosen]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(N, 2) height and width."""
        return self.images.sizes[self.chosen]

    @property
    def multilabel(self) -> bool:
        """Whether a pixel may have several classes: labels are (K, H, W)."""
        return isinstance(self.masks, ClassFolders)

    def __len__(self) -> int:
        """Number of images N."""
        return len(self.chosen)

    def __getitem__(self, index: int) -> MaskRecord:
        """Returns what is known of one image."""
        place = self.chosen[index]
        height, width = self.images.sizes[place].tolist()
        path = self.image_root / str(self.images.names[place])
        return MaskRecord(path, int(self.images.ids[place]), (height, width))

    def __iter__(self) -> Iterator[MaskRecord]:
        return map(self.__getitem__, range(len(self)))

    def labels(self, index: int, size: Size) -> NDArray[np.uint8]:
        """Reads the mask of one image.

        Args:
            index: Of the image, 0..N-1.
            size: Height and width of the image as it was decoded.

        Returns:
            uint8: (H, W) of classes in 0..K-1 and IGNORE, or (K, H, W) of 0, 1 and IGNORE.

        Raises:
            ValueError: The mask is missing, damaged or of another size, or has a value that stands for nothing.
        """
        return self.masks.read(int(self.chosen[index]), size, self.classes)

    def files(self, index: int) -> list[Path]:
        """The files that an image and its mask are read from."""
        return [self[index].path, *self.masks.files(int(self.chosen[index]))]

    def first(self, limit: int) -> "MaskRecords":
        """Keeps the first `limit` images, or all if there are fewer."""
        return replace(self, chosen=self.chosen[:limit])

    def where(self, keep: NDArray[np.bool_]) -> "MaskRecords":
        """Keeps some of the images.

        Args:
            keep: (N,).
        """
        return replace(self, chosen=self.chosen[keep])

    def numbered_as(self, classes: PixelClasses) -> "MaskRecords":
        """Numbers the classes as a model or another split does.

        Raises:
            ValueError: A class is not among them.
        """
        return replace(self, classes=self.classes.numbered_as(classes))


def check_size(mask: Path, found: tuple[int, ...], size: Size) -> None:
    """Compares a mask with its image.

    Args:
        mask: Its file.
        found: Height and width of the mask.
        size: Height and width of the image.

    Raises:
        ValueError: They differ.
    """
    if found != size:
        raise ValueError(
            f"{mask}: the mask is {found[1]} x {found[0]} pixels, but its image {size[1]} x {size[0]}: bring them to "
            "one size, masks without interpolation"
        )
