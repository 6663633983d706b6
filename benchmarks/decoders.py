"""Ways to decode a photograph and to resize it, and by how much their pixels differ from Pillow's."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg, read_file

from lumbar.data.image_io import read_image
from lumbar.data.interpolation import INTERPOLATIONS, single_threaded_opencv
from lumbar.data.sizes import Size

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB."""
Decode = Callable[[Path], Pixels]


class Difference(NamedTuple):
    """Between the pixels of a way and those of Pillow, 0 to 255."""

    largest: float
    mean: float


def decoders() -> dict[str, Decode]:
    """Those that are installed, by name; ours is first."""
    every: dict[str, Decode] = {
        "lumbar": read_image,
        "Pillow": _by_pillow,
        "torchvision.io": _by_torchvision,
        "OpenCV": _by_opencv,
    }
    if find_spec("simplejpeg"):
        turbo: Any = import_module("simplejpeg")
        every["simplejpeg"] = lambda path: turbo.decode_jpeg(path.read_bytes())
        every["simplejpeg, inexact"] = lambda path: turbo.decode_jpeg(
            path.read_bytes(), fastdct=True, fastupsample=True
        )
    return every | {f"Pillow at 1/{part}": _reduced(part) for part in (2, 4)}


def decoding_differences(
    ways: Mapping[str, Decode], photos: list[Path], size: Size
) -> dict[str, Difference]:
    """Compares decoders, those of smaller images after resizing.

    Args:
        ways: Decoders by name.
        photos: What they decode.
        size: Height and width that images are resized to where a decoder has made them smaller.
    """
    found: dict[str, list[Difference]] = {name: [] for name in ways}
    for photo in photos:
        expected = _by_pillow(photo)
        for name, decode in ways.items():
            pixels = decode(photo)
            same = pixels.shape == expected.shape
            pair = (
                (pixels, expected)
                if same
                else (_stretched(pixels, size), _stretched(expected, size))
            )
            found[name].append(_difference(*pair))
    return {name: _worst(every) for name, every in found.items()}


def resizing_differences(photos: list[Path], size: Size) -> dict[str, Difference]:
    """Compares `INTERPOLATIONS` on photographs that are resized to one size (height, width)."""
    found: dict[str, list[Difference]] = {name: [] for name in INTERPOLATIONS}
    for photo in photos:
        image = as_tensor(read_image(photo))
        expected = INTERPOLATIONS["pil"](image, size).numpy()
        for name, resize in INTERPOLATIONS.items():
            found[name].append(_difference(resize(image, size).numpy(), expected))
    return {name: _worst(every) for name, every in found.items()}


def as_tensor(pixels: Pixels) -> Tensor:
    """A view (3, H, W) uint8 of pixels (H, W, 3), as samples begin with."""
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _by_pillow(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _by_torchvision(path: Path) -> Pixels:
    tensor: Tensor = decode_jpeg(read_file(str(path)), ImageReadMode.RGB)
    pixels: Pixels = tensor.permute(1, 2, 0).numpy()
    return pixels


def _by_opencv(path: Path) -> Pixels:
    library = single_threaded_opencv()
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    pixels: Pixels = library.imdecode(content, library.IMREAD_COLOR_RGB)
    return pixels


def _reduced(part: int) -> Decode:
    def decode(path: Path) -> Pixels:
        with Image.open(path) as image:
            image.draft("RGB", (image.width // part, image.height // part))
            return np.asarray(image.convert("RGB"))

    return decode


def _stretched(pixels: Pixels, size: Size) -> Pixels:
    resized = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)


def _difference(one: NDArray[Any], other: NDArray[Any]) -> Difference:
    apart = np.abs(one.astype(np.float32) - other)
    return Difference(float(apart.max()), float(apart.mean()))


def _worst(every: list[Difference]) -> Difference:
    """The largest of all, and the mean over all photographs."""
    largest, means = zip(*every, strict=True)
    return Difference(max(largest), sum(means) / len(means))
