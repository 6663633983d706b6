"""Batches of photographs for benchmarks: the COCO images of the examples, at any size."""

from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "coco"


def load_photos(batch: int, height: int, width: int) -> Tensor:
    """Photographs, the first ones again where there are too few.

    Args:
        batch: B.
        height: H in pixels.
        width: W in pixels.

    Returns:
        (B, 3, H, W) uint8.
    """
    files = islice(cycle(sorted((FOLDER / "images").glob("*.jpg"))), batch)
    photos = [np.array(Image.open(file).convert("RGB").resize((width, height))) for file in files]
    return torch.stack([torch.from_numpy(photo).permute(2, 0, 1) for photo in photos])
