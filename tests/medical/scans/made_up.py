"""Scans and networks made up for tests."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medical.scans.intensity import Intensity
from medical.scans.pipeline import Network
from medical.scans.preprocess import Preprocess
from medical.scans.volume import Geometry, Layout, Volume

CLASSES = 3


def settings(**changes: Any) -> Preprocess:
    """Pictures as they are, of one channel; `changes` win."""
    plain: dict[str, Any] = {
        "intensity": Intensity("none"),
        "plane": None,
        "spacing": None,
        "zoom": 1.0,
        "slices": 1,
        "channels": 1,
        "tile": (32, 32),
        "overlap": 0.5,
        "flips": (),
        "multiple": 8,
    }
    return Preprocess(**{**plain, **changes})


def volume(*shape: int, spacing: tuple[float, float, float] | None = None, seed: int = 0) -> Volume:
    """Noise of 8 bits, (D, H, W, C)."""
    pixels = np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)
    return of_pixels(pixels, spacing=spacing)


def of_pixels(pixels: NDArray[Any], *, spacing: tuple[float, float, float] | None = None) -> Volume:
    """A scan of this spacing, or a picture."""
    return Volume(
        pixels=pixels,
        geometry=None if spacing is None else Geometry(np.diag([*spacing, 1.0])),
        layout=Layout(),
        files=(Path("made-up"),),
        kind="picture" if spacing is None else "nifti",
        bits=8,
        colour=spacing is None and pixels.shape[-1] == 3,
    )


def pointwise(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network of single pixels: (B, C, h, w) to (B, K, h, w)."""
    factors = np.random.default_rng(7).normal(size=(CLASSES, canvas.shape[1]))
    return _shares(np.einsum("bchw,kc->bkhw", canvas / 255 - 0.5, factors))


def lopsided(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network that looks at neighbours on one side only, and knows where in its input it is."""
    beside = np.roll(canvas.mean(1), (1, 2), (1, 2)) / 255
    ramp = np.linspace(0, 1, canvas.shape[2])[:, None] + np.linspace(0, 2, canvas.shape[3])
    return _shares(np.stack([beside, canvas[:, 0] / 100, beside * ramp], 1))


def constant(*shares: float) -> Network:
    """A network that says the same of every pixel."""

    def network(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        batch, _, height, width = canvas.shape
        answer = np.array(shares, np.float32)[:, None, None]
        return np.broadcast_to(answer, (batch, len(shares), height, width))

    return network


def _shares(scores: NDArray[Any]) -> NDArray[np.float32]:
    """A softmax over the classes of (B, K, h, w)."""
    powers = np.exp(scores)
    shares: NDArray[np.float32] = (powers / powers.sum(1, keepdims=True)).astype(np.float32)
    return shares
