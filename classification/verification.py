"""Whether two images show the same class, by the likeness of their features: the question of face verification."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from classification.features import Features

_MOST = 8000
"""Images whose pairs fit into memory."""


class Verification(NamedTuple):
    """How well the cosine of two features tells pairs of one class from pairs of two."""

    num_same: int
    """Pairs of one class."""
    num_different: int
    """Pairs of two."""
    area: float
    """Probability that a pair of one class is more alike than a pair of two (area under the ROC curve)."""
    accepted: dict[float, float]
    """Share of the pairs of one class that are accepted, by that of the others that are accepted, too (TAR at FAR)."""

    def to_dict(self) -> dict[str, Any]:
        """Returns what results.json holds."""
        return {
            "num_same": self.num_same,
            "num_different": self.num_different,
            "area_under_roc": _number(self.area),
            "accepted_at": {f"{rate:g}": _number(share) for rate, share in self.accepted.items()},
        }

    def table(self) -> str:
        """Renders the numbers for a terminal."""
        lines = [
            f"pairs: {self.num_same} of one class, {self.num_different} of two",
            f"area under ROC  {self.area:.4f}",
        ]
        lines += [
            f"accepted at a false rate of {rate:g}: {share:.4f}"
            for rate, share in self.accepted.items()
        ]
        return "\n".join(lines)


def verify(features: Features, rates: Sequence[float] = (0.1, 0.01, 0.001)) -> Verification:
    """Compares all pairs of images.

    The threshold for a false rate is the lowest cosine that accepts no larger share of the pairs of two classes.

    Args:
        features: (N, D); of more than 8000 images the first 8000 are taken.
        rates: False acceptance rates.
    """
    directions, labels = features.directions()[:_MOST], features.labels[:_MOST]
    first, second = torch.triu_indices(len(labels), len(labels), offset=1)
    cosines = (directions @ directions.T)[first, second]
    same = labels[first] == labels[second]
    alike, others = cosines[same].sort().values, cosines[~same].sort().values
    return Verification(
        num_same=len(alike),
        num_different=len(others),
        area=_area(alike, others),
        accepted={rate: _accepted(alike, others, rate) for rate in rates},
    )


def _area(alike: torch.Tensor, others: torch.Tensor) -> float:
    """Mann and Whitney's count: ties are half a victory."""
    if not len(alike) or not len(others):
        return math.nan
    below = torch.searchsorted(others, alike).double()
    upto = torch.searchsorted(others, alike, right=True).double()
    return float((below + upto).sum() / 2 / len(alike) / len(others))


def _accepted(alike: torch.Tensor, others: torch.Tensor, rate: float) -> float:
    if not len(alike) or not len(others):
        return math.nan
    allowed = math.floor(rate * len(others))
    threshold = others[-1 - allowed] if allowed < len(others) else -torch.inf
    return float((alike > threshold).double().mean())


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
