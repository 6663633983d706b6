"""Small studies to learn from: bright discs on noise, as pictures or as scans, and settings that train in seconds."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lumbar.training.load import config_from_dict
from medical.study.config import MedicalConfig

CLASSES = {"background": 0, "disc": 1}
SIZE = (40, 56)
"""Height and width."""


def disc_case(seed: int, *, depth: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels and labels (D, H, W) with a few bright discs, in every slice at other places."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(20, 90, (depth, *SIZE))
    labels = np.zeros((depth, *SIZE), np.uint8)
    rows, columns = np.indices(SIZE)
    for index in range(depth):
        for _ in range(2):
            row, column = draw.integers(8, SIZE[0] - 8), draw.integers(8, SIZE[1] - 8)
            labels[index] |= (rows - row) ** 2 + (columns - column) ** 2 <= 36
    return (pixels + 120 * labels).astype(np.uint8), labels


def write_pictures(root: Path, count: int, *, of_each: int = 1) -> Path:
    """Writes `images/P3_0.png` and `masks/P3_0.png`: so many patients with so many pictures each."""
    for number in range(count * of_each):
        pixels, labels = disc_case(number)
        for folder, content in (("images", pixels), ("masks", labels)):
            path = root / folder / f"P{number // of_each}_{number % of_each}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content[0]).save(path)
    return root


def write_scans(root: Path, count: int, *, depth: int = 4) -> Path:
    """Writes `images/S3.nii.gz` and `labels/S3.nii.gz`, axial slices of 1 mm that are 3 mm apart."""
    for number in range(count):
        for folder, content in zip(
            ("images", "labels"), disc_case(number, depth=depth), strict=True
        ):
            path = root / folder / f"S{number}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            stored = content.transpose(2, 1, 0)[
                ::-1, ::-1
            ]  # to the patient's right, and to the back
            nibabel.save(nibabel.Nifti1Image(stored, np.diag([1.0, 1.0, 3.0, 1.0])), path)
    return root


def small_config(data: Path, **changes: Any) -> MedicalConfig:
    """Settings of a small network that trains for two passes over the slices, without a GPU."""
    values: dict[str, Any] = {
        "data": str(data),
        "classes": CLASSES,
        "patient": "",
        "folds": 2,
        "epochs": 2,
        "zoom": 1.0,
        "patch": [32, 32],
        "batch": 4,
        "overlap": 0.25,
        "model": {
            "backbone": {
                "name": "resnet18",
                "width": 16,
                "weights": "none",
                "norm": "batch",
                "freeze": [],
            },
            "fpn": {"channels": 32},
            "head": {"channels": 32},
        },
        "trainer": {
            "accelerator": "cpu",
            "precision": "fp32",
            "progress": "none",
            "loggers": ["csv"],
            "ema_decay": 0.9,
        },
    }
    return config_from_dict(MedicalConfig, {**values, **changes})
