"""A model of one convolution to be exported, which takes next to no time."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lumbar.data.image_io import read_image
from lumbar.ops.structures import Images
from lumbar.tasks.export_graph import CanvasRule, Exportable, Inputs

RULE = CanvasRule(multiple=8, least=16)


class Edges(nn.Module):
    """A map of each image (B, 2, H, W), and how many of its pixels (B,) are inside."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        return self.conv(images / 255), sizes.prod(1)


class Reader:
    """Takes images as they are."""

    def read(self, path: Path) -> NDArray[np.uint8]:
        return read_image(path, channels=3, max_megapixels=1)

    def prepare(self, image: NDArray[np.uint8]) -> Images:
        sizes = torch.tensor([image.shape[:2]])
        return Images(torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float(), sizes, sizes)


def small_exportable() -> Exportable:
    """With a setting of its own."""
    inputs = Inputs.of(Reader().prepare, channels=3, canvas=RULE)
    return Exportable(Edges(), inputs, ("edges", "areas"), {"colours": ["red", "green"]})


def make_images(height: int, width: int, *, batch: int = 1) -> Images:
    """Noise (batch, 3, height, width) of whole numbers that fills its canvas."""
    generator = torch.Generator().manual_seed(0)
    canvas = torch.randint(256, (batch, 3, height, width), generator=generator).float()
    sizes = torch.tensor([[height, width]] * batch)
    return Images(canvas, sizes, sizes)
