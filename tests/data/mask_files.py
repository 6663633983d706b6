"""Small images and masks in files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_image(path: Path, size: tuple[int, int], seed: int = 0, **options: Any) -> Path:
    """Writes an image of noise, RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def write_mask(path: Path, values: NDArray[Any], **options: Any) -> Path:
    """Writes a mask: grey (H, W) of 8, 16 or 32 bits or of bool, or colours (H, W, C)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return path


def write_pairs(root: Path, *labels: NDArray[np.uint8]) -> None:
    """Writes images/0.png and so on of noise, and masks of the same names."""
    for number, values in enumerate(labels):
        size = (values.shape[0], values.shape[1])
        write_image(root / "images" / f"{number}.png", size, number)
        write_mask(root / "masks" / f"{number}.png", values)
