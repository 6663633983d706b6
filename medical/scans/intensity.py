"""Intensities of any unit to the range of a network, 0 to 255, always by the same rule."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from medical.scans.saved import checked_keys

Kind = Literal["window", "zscore", "percentile", "none"]

_TOP = 255.0
_MIDDLE, _STEP = 127.5, 32.0
"""Where the mean of a scan comes to lie, and how many steps a standard deviation is: 4 of them fill the range."""
_16_BITS = 257.0
"""65535 / 255."""


@dataclass(frozen=True)
class Intensity:
    """How intensities become numbers from 0 to 255.

    Each channel is a scan of its own. What is not finite, as NaN outside the field of view, counts in no statistic and
    becomes 0.
    """

    kind: Kind = "none"
    """window: `low` to `high` in the unit of the file (HU). zscore: mean and standard deviation of the voxels above the
    background, which are those above the lowest value of the scan: air that was set to one value counts nowhere.
    percentile: the percentiles `low` and `high` of all voxels. none: 8 bits as they are, 16 bits divided by 257."""
    low: float = 0.0
    """What becomes 0: of window in the unit of the file, of percentile in percent."""
    high: float = 255.0
    """What becomes 255, likewise."""

    def __post_init__(self) -> None:
        """Checks the limits.

        Raises:
            ValueError: The kind is unknown, or the limits are not in order, or are no percentages.
        """
        if self.kind not in get_args(Kind):
            raise ValueError(f"intensity {self.kind!r} is none of {', '.join(get_args(Kind))}")
        if self.kind in ("window", "percentile") and not self.low < self.high:
            raise ValueError(f"{self.kind} {[self.low, self.high]} must be [low, high]")
        if self.kind == "percentile" and not (self.low >= 0 and self.high <= 100):
            raise ValueError(f"percentiles {[self.low, self.high]} must be between 0 and 100")

    def __call__(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Brings a scan or picture to the range of the network.

        Args:
            pixels: (D, H, W, C) whole or floating-point numbers as in the file.

        Returns:
            (D, H, W, C) float32 in 0..255. A scan of a single value becomes 127.5 by zscore, 0 by percentile.

        Raises:
            ValueError: There is no rule for numbers of this type.
        """
        if self.kind == "none":
            return _as_they_are(pixels)
        ranged = np.empty(pixels.shape, np.float32)
        for channel in range(pixels.shape[-1]):
            limits = self._limits(pixels[..., channel])
            for index, slice_ in enumerate(pixels[..., channel]):
                ranged[index, ..., channel] = _ranged(slice_, *limits)
        return ranged

    def to_dict(self) -> dict[str, Any]:
        """Returns the rule, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Restores what `to_dict` wrote.

        Raises:
            ValueError: It is something else.
        """
        checked_keys(cls, saved)
        return cls(saved["kind"], float(saved["low"]), float(saved["high"]))

    def _limits(self, values: NDArray[Any]) -> tuple[float, float]:
        """What becomes 0 and 255 in one channel (D, H, W); infinitely far apart where nothing can be told apart."""
        if self.kind == "window":
            return self.low, self.high
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()
        if not finite.size:
            return 0.0, np.inf
        return self._zscore(finite) if self.kind == "zscore" else self._percentiles(finite)

    def _percentiles(self, values: NDArray[Any]) -> tuple[float, float]:
        low, high = np.percentile(values, (self.low, self.high)).tolist()
        if low == high:  # nearly all of it is one value: what stands out is to be seen all the same
            low, high = float(values.min()), float(values.max())
        return (low, high) if low < high else (low, np.inf)

    @staticmethod
    def _zscore(values: NDArray[Any]) -> tuple[float, float]:
        tissue = values[values > values.min()]
        if not tissue.size:
            return -np.inf, np.inf
        mean, deviation = float(tissue.mean(dtype=np.float64)), float(tissue.std(dtype=np.float64))
        # With tissue of a single value, its distance from the background is the only one there is.
        deviation = deviation or mean - float(values.min())
        return mean - _MIDDLE / _STEP * deviation, mean + _MIDDLE / _STEP * deviation


def _ranged(values: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    """Stretches `low` to `high` to the range, and clips."""
    if np.isinf(low):
        return np.full(values.shape, _MIDDLE)
    # In 64 bits: large values close together would be rounded to the same.
    ranged: NDArray[np.float64] = (values.astype(np.float64) - low) * (_TOP / (high - low))
    ranged[~np.isfinite(ranged)] = 0
    return ranged.clip(0, _TOP)


def _as_they_are(pixels: NDArray[Any]) -> NDArray[np.float32]:
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32)
    if pixels.dtype == np.uint16:
        return pixels.astype(np.float32) / np.float32(_16_BITS)
    raise ValueError(
        f"intensity none is for pictures of 8 or 16 bits, and these are {pixels.dtype} numbers from "
        f"{pixels.min()} to {pixels.max()}: set intensity to window, zscore or percentile"
    )
