"""A made-up mask folder on which a few steps can be trained: bright discs and dark squares on noise."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NAMES = ("background", "disc", "square")
VALUES = (0, 100, 200)
VOID = 255
SPLITS = {"train": 8, "val": 3, "test": 2}
SIZE = (48, 40)


def write_mask_set(folder: Path) -> Path:
    """Writes `images/SPLIT` and `masks/SPLIT`, always the same; in each mask a rim of VOID parts disc and background.

    Returns:
        The folder.
    """
    rng = np.random.default_rng(0)
    for split, count in SPLITS.items():
        for number in range(count):
            image, mask = _pair(rng)
            for kind, pixels in (("images", image), ("masks", mask)):
                path = folder / kind / split / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return folder


def _pair(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image (48, 40, 3) and its mask (48, 40)."""
    height, width = SIZE
    rows, columns = np.mgrid[:height, :width]
    y, x = rng.integers(12, height - 12), rng.integers(10, width - 20)
    distance = np.hypot(rows - y, columns - x)
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[(rows > y - 6) & (rows < y + 6) & (columns > x + 10)] = VALUES[2]
    mask[distance < 10] = VOID
    mask[distance < 8] = VALUES[1]
    image = rng.integers(100, 140, (*SIZE, 3), dtype=np.uint8)
    image[distance < 9] += 100
    image[mask == VALUES[2]] //= 4
    return image, mask


def small_yaml(data: Path) -> str:
    """A recipe for the set: a narrow ResNet-18 from scratch with a pyramid, two epochs of four steps."""
    splits = "\n".join(
        f"  {split}: {{images: images/{split}, masks: masks/{split}}}" for split in SPLITS
    )
    return f"""\
model:
  backbone: {{name: resnet18, width: 16, weights: none, norm: group, freeze: []}}
  fpn: {{channels: 32}}
  head: {{channels: 32}}
data:
  root: {data}
{splits}
  classes: {{background: 0, disc: 100, square: 200}}
  void: [255]
  batch_size_per_device: 2
  workers: 0
losses:
  - {{name: cross_entropy, class_weights: data}}
  - {{name: dice}}
scores: {{left_out: [background]}}
optim: {{name: adamw, lr: 0.003, base_batch_size: null}}
schedule: {{name: poly, warmup_steps: 0}}
trainer:
  {{max_epochs: 2, accelerator: cpu, precision: fp32, log_every_steps: 1, loggers: [csv], progress: plain}}
"""
