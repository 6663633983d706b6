"""Labelled images of any source: one class for each, and pixels when they are asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lumbar.data.colour import LUMA
from lumbar.data.image_io import read_image

_IMAGENET = 1000
_SYNSET = re.compile(r"n\d{8}")

Pixels = NDArray[np.uint8]
"""(H, W, C), RGB when C is 3."""


@dataclass(frozen=True)
class Decoding:
    """How image files are decoded."""

    channels: int = 3
    """3 for RGB, 1 for grey."""
    max_megapixels: float = 100.0
    """Larger files are refused."""

    def read(self, path: Path) -> Pixels:
        """Decodes a file.

        Raises:
            ValueError: It is missing, damaged or too large.
        """
        return read_image(path, channels=self.channels, max_megapixels=self.max_megapixels)

    def fit(self, pixels: Pixels) -> Pixels:
        """Gives an RGB image these channels, by the weights of its luma (ITU-R BT.601)."""
        if pixels.shape[2] == self.channels:
            return pixels
        grey: Pixels = (pixels @ LUMA).round().astype(np.uint8)
        return grey[..., None]


class Source(Protocol):
    """Where pixels come from."""

    def read(self, place: int, decoding: Decoding) -> Pixels:
        """Reads an image.

        Args:
            place: Of the image in the source.
            decoding: How.

        Raises:
            ValueError: It cannot be read.
        """

    def name(self, place: int) -> str:
        """Says which image that is, for people and tables."""


@dataclass(frozen=True, eq=False)
class _Memory:
    pixels: Mapping[int, Pixels]
    origin: Source

    def read(self, place: int, decoding: Decoding) -> Pixels:
        return self.pixels[place]

    def name(self, place: int) -> str:
        return self.origin.name(place)


@dataclass(frozen=True, kw_only=True)
class LabelledImages:
    """The N images of a split, each of one class."""

    source: Source
    places: NDArray[np.int64]
    """(N,) of the images in the source; they serve as ids."""
    labels: NDArray[np.int64]
    """(N,) class in 0..K-1."""
    class_names: tuple[str, ...]
    """(K)."""

    def __len__(self) -> int:
        """Number of images N."""
        return len(self.places)

    def read(self, index: int, decoding: Decoding) -> Pixels:
        """Reads the image of this index 0..N-1.

        Raises:
            ValueError: It cannot be read.
        """
        return self.source.read(int(self.places[index]), decoding)

    def name(self, index: int) -> str:
        """Says which image this index is."""
        return self.source.name(int(self.places[index]))

    def at(self, indices: NDArray[np.int64]) -> "LabelledImages":
        """Keeps the images of these (n,) indices, in this order."""
        return replace(self, places=self.places[indices], labels=self.labels[indices])

    def part(self, *, skip: int, limit: int | None, max_per_class: int | None) -> "LabelledImages":
        """Keeps a part.

        Args:
            skip: Leave out so many at the beginning.
            limit: Keep only so many of the others.
            max_per_class: Of these keep only so many of each class.
        """
        chosen = np.arange(len(self))[skip:][:limit]
        if max_per_class is not None:
            labels = self.labels[chosen]
            firsts = [
                np.flatnonzero(labels == label)[:max_per_class] for label in np.unique(labels)
            ]
            chosen = chosen[np.sort(np.concatenate([*firsts, np.zeros(0, dtype=np.int64)]))]
        return self.at(chosen)

    def numbered_as(self, class_names: Sequence[str]) -> "LabelledImages":
        """Numbers the classes as others are, by name.

        The order of WordNet's ids, by which the folders of ImageNet are called, is that of its classes.

        Raises:
            ValueError: An image is of a class that is not among them.
        """
        if self.class_names == tuple(class_names):
            return self
        if len(class_names) == _IMAGENET and _are_imagenets(self.class_names):
            return replace(self, class_names=tuple(class_names))
        unknown = [self.class_names[label] for label in np.unique(self.labels)]
        unknown = [name for name in unknown if name not in class_names]
        if unknown:
            raise ValueError(
                f"images of the classes {', '.join(unknown)}, which are not among those of the model or the training "
                f"split, {', '.join(class_names)}"
            )
        places = {name: label for label, name in enumerate(class_names)}
        numbers = np.array([places.get(name, -1) for name in self.class_names], dtype=np.int64)
        return replace(self, labels=numbers[self.labels], class_names=tuple(class_names))

    def in_memory(self, decoding: Decoding) -> "LabelledImages":
        """Decodes all images once, in their order, and keeps them.

        Raises:
            ValueError: One cannot be read.
        """
        pixels = {place: self.source.read(place, decoding) for place in self.places.tolist()}
        return replace(self, source=_Memory(pixels, self.source))

    def counts(self) -> NDArray[np.int64]:
        """(K,) images of each class."""
        return np.bincount(self.labels, minlength=len(self.class_names))


def _are_imagenets(names: Sequence[str]) -> bool:
    return len(names) == _IMAGENET and all(map(_SYNSET.fullmatch, names))
