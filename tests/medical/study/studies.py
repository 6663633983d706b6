"""Small studies as files, written for tests: discs on noise, as pictures and as scans."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.pixel_classes import PixelClasses
from medical.study.cases import Case
from medical.study.config import MedicalConfig
from medical.study.facts import PERCENTILES, CaseFacts
from medical.study.lesions import Lesion
from tests.medical.scans.scan_files import write_scan

CLASSES = {"background": 0, "tumour": 1}
PARSED = PixelClasses.parse(CLASSES)


def disc(shape: tuple[int, ...], radius: float, seed: int = 0) -> NDArray[np.uint8]:
    """A ball of ones (D, H, W), or a disc (H, W), somewhere within zeros."""
    draw = np.random.default_rng(seed)
    centre = [draw.uniform(min(radius, n / 2), n - min(radius, n / 2)) for n in shape]
    places = np.indices(shape)
    squares = sum((axis - middle) ** 2 for axis, middle in zip(places, centre, strict=True))
    inside: NDArray[np.uint8] = np.asarray(squares <= radius**2).astype(np.uint8)
    return inside


def noise(shape: tuple[int, ...], seed: int) -> NDArray[np.uint8]:
    """Smooth blobs of 8 bits, other ones for each seed."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, tuple(-(-n // 6) for n in shape))
    fine = coarse
    for axis in range(len(shape)):
        fine = fine.repeat(6, axis)
    cut: NDArray[np.uint8] = fine[tuple(slice(n) for n in shape)].astype(np.uint8)
    return cut


def write_picture(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    """Writes (H, W) or (H, W, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def write_pictures(root: Path, *names: str, size: tuple[int, int] = (48, 64)) -> Path:
    """Writes images/NAME.png and masks/NAME.png for each name, 8-bit grey, with a disc of radius 6."""
    for number, name in enumerate(names):
        write_picture(root / "images" / f"{name}.png", noise(size, number))
        write_picture(root / "masks" / f"{name}.png", disc(size, 6, number))
    return root


def write_scans(root: Path, *names: str, spacing: float = 1.0) -> Path:
    """Writes images/NAME.nii.gz and labels/NAME.nii.gz for each name, 6 axial slices of 24 x 20 float voxels."""
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    affine = np.diag([spacing, spacing, 2.5 * spacing, 1])
    for number, name in enumerate(names):
        voxels = noise((20, 24, 6), number).astype(np.float32)
        write_scan(root / "images" / f"{name}.nii.gz", voxels, affine)
        write_scan(root / "labels" / f"{name}.nii.gz", disc((20, 24, 6), 3, number), affine)
    return root


def settings(root: Path | str = "", **changes: Any) -> MedicalConfig:
    """Of the study in a folder; one class, two folds."""
    return MedicalConfig(**{"data": str(root), "classes": CLASSES, "folds": 2, **changes})


def case_of(image: Path, mask: Path) -> Case:
    """One case of these files."""
    return Case(image.stem, (image,), mask, image.stem, "P001-1")


def facts_of(number: int = 0, **changes: Any) -> CaseFacts:
    """Facts of a made-up grey picture of 256 x 256 pixels with a tumour of 1000 pixels; `changes` win."""
    plain: dict[str, Any] = {
        "name": f"case{number}",
        "alias": f"P{number:03d}-1",
        "patient": f"case{number}",
        "kind": "picture",
        "shape": (1, 256, 256),
        "channels": 1,
        "colour": False,
        "grey": True,
        "bits": 8,
        "number_type": "uint8",
        "modality": "",
        "text_in_pixels": False,
        "spacing": None,
        "plane": None,
        "orientation": "",
        "values": tuple(2.0 * percent for percent in PERCENTILES),
        "foreground_values": tuple(50 + percent for percent in PERCENTILES),
        "voxels": (64536, 1000),
        "void": 0,
        "slices_with_foreground": 1,
        "lesions": ((Lesion(24.0, 1000),),),
        "digest": f"{number:016x}",
        "mask_digest": f"{number:016x}",
        "perceptual_hash": "",
    }
    return CaseFacts(**{**plain, **changes})


def scan_of(number: int = 0, **changes: Any) -> CaseFacts:
    """Facts of a made-up MR of 20 slices of 128 x 128 pixels of 1 mm; `changes` win."""
    plain: dict[str, Any] = {
        "kind": "nifti",
        "shape": (20, 128, 128),
        "bits": 16,
        "number_type": "int16",
        "spacing": (3.0, 1.0, 1.0),
        "plane": "axial",
        "orientation": "RAS",
        "slices_with_foreground": 5,
    }
    return facts_of(number, **{**plain, **changes})
