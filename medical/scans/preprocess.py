"""What is done to a scan before a network sees it: the same in training, evaluation, prediction and the runner."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from medical.scans.intensity import Intensity
from medical.scans.resample import Size, resize
from medical.scans.saved import checked_keys
from medical.scans.volume import Geometry, Plane, Volume

Flip = Literal["horizontal", "vertical", "both"]

_LUMA = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in the grey of a picture (ITU-R 601), as Pillow has it."""


@dataclass(frozen=True)
class Preprocess:
    """The way of a scan to the network, and how the network looks at it."""

    intensity: Intensity
    """How intensities become 0 to 255."""
    plane: Plane | None
    """Which slices of a scan are looked at; None: those with the finest pixels. For `read_volume`."""
    spacing: float | None
    """Millimetres in the plane that scans are brought to; None keeps each scan's own."""
    zoom: float
    """Further enlargement in the plane."""
    slices: int
    """Neighbouring slices that are seen together, an odd number."""
    channels: int
    """Of one slice of a file."""
    tile: Size
    """Height and width of what the network sees at a time, after spacing and zoom."""
    overlap: float
    """Share of a tile that the next one covers again."""
    flips: tuple[Flip, ...]
    """Mirrored views that are averaged with a slice's own."""
    multiple: int = 32
    """Heights and widths that the network takes are multiples of this."""

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ValueError: A number is out of its range.
        """
        wrong = {
            "spacing": self.spacing is not None and not self.spacing > 0,
            "zoom": not self.zoom > 0,
            "slices": self.slices < 1 or self.slices % 2 == 0,
            "channels": self.channels < 1,
            "tile": len(self.tile) != 2 or min(self.tile) < 1,
            "overlap": not 0 <= self.overlap < 1,
            "flips": not {*self.flips} <= {*get_args(Flip)},
            "multiple": self.multiple < 1,
        }
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            raise ValueError(f"preprocess: {name} {getattr(self, name)!r} is out of its range")

    @property
    def in_channels(self) -> int:
        """Of the network."""
        return self.slices * self.channels

    def to_dict(self) -> dict[str, Any]:
        """Returns everything in plain values, ready for JSON."""
        return {**asdict(self), "tile": [*self.tile], "flips": [*self.flips]}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Restores what `to_dict` wrote.

        Raises:
            ValueError: It is something else.
        """
        checked_keys(cls, saved)
        height, width = saved["tile"]
        changed = {
            "intensity": Intensity.from_dict(saved["intensity"]),
            "tile": (int(height), int(width)),
            "flips": tuple(saved["flips"]),
        }
        return cls(**{**saved, **changed})


def working_size(shape: Sequence[int], geometry: Geometry | None, preprocess: Preprocess) -> Size:
    """Says how large the slices of a scan are when the network looks at them.

    Args:
        shape: (D, H, W, ...) of the scan.
        geometry: Of the scan; without any, as of pictures, only the zoom counts.
        preprocess: Spacing and zoom.

    Returns:
        Height and width in pixels, at least 1.
    """
    spacing = preprocess.spacing
    factors = (1.0, 1.0)
    if geometry is not None and spacing is not None:
        factors = (geometry.spacing[1] / spacing, geometry.spacing[2] / spacing)
    height, width = (
        max(1, round(edge * factor * preprocess.zoom))
        for edge, factor in zip(shape[1:3], factors, strict=True)
    )
    return height, width


def prepared(volume: Volume, preprocess: Preprocess) -> NDArray[np.float32]:
    """Brings a scan to the intensities and the size in which the network looks at it.

    Grey pictures are repeated for networks of colour pictures, and colour pictures become grey the other way round.

    Args:
        volume: As it was read; (D, H, W, C).
        preprocess: What is to be done.

    Returns:
        (D, h, w, C) float32 in 0..255, h and w of `working_size`.

    Raises:
        ValueError: The scan has another number of channels, or numbers that the intensities are not defined for.
    """
    scan = _with_channels(preprocess.intensity(volume.pixels), volume, preprocess.channels)
    return resize(scan, working_size(volume.pixels.shape, volume.geometry, preprocess))


def _with_channels(scan: NDArray[np.float32], volume: Volume, channels: int) -> NDArray[np.float32]:
    found = scan.shape[-1]
    if found == channels:
        return scan
    if volume.kind == "picture" and (found, channels) == (1, 3):
        return scan.repeat(3, axis=-1)
    if volume.colour and channels == 1:
        return (scan @ _LUMA.astype(np.float32))[..., None]
    raise ValueError(
        f"{', '.join(map(str, volume.files))}: {found} channels, where the network was made for {channels}: give it as "
        "many files or channels as the scans of the training had"
    )
