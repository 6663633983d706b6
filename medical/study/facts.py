"""What was measured of each case: one look at every file, before anything is decided or trained."""

import hashlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from lumbar.data.pixel_classes import IGNORE, PixelClasses
from medical.scans.read import read_volume
from medical.scans.volume import Kind, Plane, Volume
from medical.study.cases import Case, Study
from medical.study.config import MedicalConfig
from medical.study.dicom_header import NO_HEADER, read_header
from medical.study.hashes import Fingerprint, fingerprint
from medical.study.lesions import Lesion, find_lesions
from medical.study.truth import UndeclaredError, plane_of, read_marks

PERCENTILES = (0.0, 0.5, *map(float, range(1, 100)), 99.5, 100.0)
"""At which intensities are kept."""
_MOST_VALUES = 2_000_000
"""So many voxels say what the percentiles of a scan are."""
_PATIENT_AXES = (("L", "R"), ("P", "A"), ("I", "S"))


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """What was measured of one case; plain values, ready for JSON."""

    name: str
    """For the owner of the data only."""
    alias: str
    patient: str
    """For the owner of the data only."""
    kind: Kind
    shape: tuple[int, int, int]
    """Slices, rows, columns."""
    channels: int
    colour: bool
    """Whether the channels are red, green and blue."""
    grey: bool
    """Whether all channels are the same."""
    bits: int
    number_type: str
    """Of the pixels, as numpy calls it."""
    modality: str
    """As a DICOM header calls it, else empty."""
    text_in_pixels: bool
    """Whether a DICOM header says so."""
    spacing: tuple[float, float, float] | None
    """Millimetres between slices, rows and columns; None for pictures."""
    plane: Plane | None
    """Of the slices."""
    orientation: str
    """Where the axes of the file point to, like RAS; empty for pictures."""
    values: tuple[float, ...]
    """Intensities at PERCENTILES, all channels together."""
    foreground_values: tuple[float, ...] | None
    """The same of the voxels of foreground classes; None where there are none."""
    voxels: tuple[int, ...]
    """(K,) of each class."""
    void: int
    """Voxels that count nowhere."""
    slices_with_foreground: int
    lesions: tuple[tuple[Lesion, ...], ...]
    """(K - 1) regions of each foreground class."""
    digest: str
    """Of the pixels: equal ones have the same."""
    mask_digest: str
    perceptual_hash: str
    """16 hexadecimal digits for each slice looked at: similar images have similar ones; empty for one of one value."""

    @property
    def pixel(self) -> tuple[float, float]:
        """Height and width of a pixel in millimetres, 1 where nobody knows."""
        return self.spacing[1:] if self.spacing else (1.0, 1.0)

    @property
    def foreground(self) -> int:
        """Voxels of all foreground classes."""
        return sum(self.voxels[1:])

    def diameters(self, spacing: float | None = None) -> list[list[float]]:
        """How large the regions of each foreground class are across in the plane, in pixels.

        Args:
            spacing: Millimetres of the pixels; None takes those of the file.
        """
        factor = (self.pixel[0] * self.pixel[1]) ** 0.5 / spacing if spacing and self.spacing else 1
        return [[lesion.across * factor for lesion in own] for own in self.lesions]

    def to_dict(self) -> dict[str, Any]:
        """Returns the facts, ready for JSON."""
        return asdict(self)


class Damage(NamedTuple):
    """A case that could not be read."""

    case: Case
    error: ValueError


class Survey(NamedTuple):
    """What was found in all files."""

    facts: tuple[CaseFacts, ...]
    damaged: tuple[Damage, ...]
    """Cases without facts."""
    details: Mapping[str, NDArray[np.float16]]
    """(S, h, w) of each case with facts, by its alias, for the search for duplicates."""

    @property
    def undeclared(self) -> Counter[int]:
        """How often each value occurs that stands for no class, in all masks together."""
        errors = (damage.error for damage in self.damaged)
        counts = (error.counts for error in errors if isinstance(error, UndeclaredError))
        return sum(counts, Counter[int]())


def survey(study: Study, config: MedicalConfig, *, progress: bool = True) -> Survey:
    """Reads every file once; a damaged one stops nothing.

    Args:
        study: The cases.
        config: Says in which plane scans are looked at.
        progress: Whether a terminal shows how far it is.
    """
    plane: Plane | None = None if config.plane == "auto" else config.plane
    facts: list[CaseFacts] = []
    damaged: list[Damage] = []
    details: dict[str, NDArray[np.float16]] = {}
    for case in track(
        study.cases,
        f"looking at {len(study.cases)} cases",
        console=Console(stderr=True),
        transient=True,
        disable=not (progress and sys.stderr.isatty()),
    ):
        try:
            own, look = _measured(case, study.classes, plane)
            facts.append(own)
            details[case.alias] = look.detail
        except ValueError as error:
            damaged.append(Damage(case, error))
    return Survey(tuple(facts), tuple(damaged), details)


def data_hash(facts: Sequence[CaseFacts]) -> str:
    """A number in hexadecimal digits that changes with any pixel of any image or mask, and with no file name."""
    rows = sorted(f"{case.digest} {case.mask_digest}" for case in facts)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def _measured(
    case: Case, classes: PixelClasses, plane: Plane | None
) -> tuple[CaseFacts, Fingerprint]:
    """Reads the files of one case, and measures them."""
    volume = read_volume(case.images, plane=plane)
    marks = read_marks(case, volume, classes)
    look = fingerprint(volume.pixels)
    header = read_header(case.images[0]) if volume.kind == "dicom" else NO_HEADER
    labels = marks.labels
    is_foreground = (labels > 0) & (labels != IGNORE)
    counts = np.bincount(labels.ravel(), minlength=IGNORE + 1)
    facts = CaseFacts(
        name=case.name,
        alias=case.alias,
        patient=case.patient,
        **_of_image(volume),
        modality=header.modality,
        text_in_pixels=header.text_in_pixels,
        foreground_values=_foreground_percentiles(volume, is_foreground),
        voxels=tuple(counts[: len(classes)].tolist()),
        void=int(counts[IGNORE]),
        slices_with_foreground=int(is_foreground.any((1, 2)).sum()),
        lesions=tuple(map(tuple, find_lesions(marks, classes))),
        mask_digest=_digest(volume.layout.undo(labels)),
        perceptual_hash=look.bits,
    )
    return facts, look


def _of_image(volume: Volume) -> dict[str, Any]:
    pixels, geometry = volume.pixels, volume.geometry
    return {
        "kind": volume.kind,
        "shape": volume.shape,
        "channels": pixels.shape[-1],
        "colour": volume.colour,
        "grey": all((pixels[..., 0] == pixels[..., c]).all() for c in range(1, pixels.shape[-1])),
        "bits": volume.bits,
        "number_type": str(pixels.dtype),
        "spacing": _rounded(geometry.spacing) if geometry else None,
        "plane": plane_of(geometry),
        "orientation": _orientation(volume),
        "values": _percentiles(pixels),
        "digest": _digest(volume.layout.undo(pixels)),
    }


def _foreground_percentiles(
    volume: Volume, is_foreground: NDArray[np.bool_]
) -> tuple[float, ...] | None:
    return _percentiles(volume.pixels[is_foreground]) if is_foreground.any() else None


def _percentiles(values: NDArray[Any]) -> tuple[float, ...]:
    flat = values.ravel()
    flat = flat[:: -(-flat.size // _MOST_VALUES)]
    finite = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    found = np.percentile(finite, PERCENTILES) if finite.size else np.zeros(len(PERCENTILES))
    rounded: tuple[float, ...] = _rounded(found.tolist())
    return rounded


def _orientation(volume: Volume) -> str:
    """Where the axes of the file point to: R or L, A or P, S or I."""
    if volume.geometry is None:
        return ""
    letters = [""] * 3
    for shown, (axis, flipped) in enumerate(
        zip(volume.layout.axes, volume.layout.flips, strict=True)
    ):
        direction = volume.geometry.affine[:3, shown] * (-1 if flipped else 1)
        main = int(np.abs(direction).argmax())
        letters[axis] = _PATIENT_AXES[main][int(direction[main] > 0)]
    return "".join(letters)


def _digest(pixels: NDArray[Any]) -> str:
    known = hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode())
    known.update(np.ascontiguousarray(pixels).data)
    return known.hexdigest()[:16]


def _rounded(numbers: Sequence[float]) -> Any:
    """The same, to six digits."""
    return tuple(float(f"{number:.6g}") for number in numbers)
