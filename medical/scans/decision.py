"""From probabilities to labels, and how sure they are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from medical.scans.saved import checked_keys


@dataclass(frozen=True)
class Decision:
    """What probabilities are made of; fitted on cases that the networks had not seen. Class 0 is the background."""

    temperature: float = 1.0
    """Log-probabilities are divided by it: above 1 a network was too sure of itself."""
    threshold: float = 0.5
    """Lowest probability of all foreground classes together at which a pixel is not background."""
    review_below: float | None = None
    """Cases whose expected Dice is lower are to be looked at by a person; None: nobody has said."""

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ValueError: The temperature is not positive, or the threshold not between 0 and 1.
        """
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"temperature {self.temperature} must be above 0")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold {self.threshold} must lie between 0 and 1")

    def calibrated(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Makes probabilities as high as they are right: softmax(log p / temperature).

        Args:
            probabilities: (K, ...) that add up to 1 over the classes.

        Returns:
            (K, ...) float32 that add up to 1.
        """
        if self.temperature == 1:
            return np.asarray(probabilities, np.float32)
        # By powers of the ratio to the likeliest class: no logarithm of 0, and no power that is nothing throughout.
        powers: NDArray[np.float32] = np.asarray(probabilities, np.float32) / probabilities.max(0)
        np.power(powers, np.float32(1 / self.temperature), out=powers)
        powers /= powers.sum(0)
        return powers

    def labels(self, probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Labels pixels with their likeliest foreground class, where all of these together reach the threshold.

        Args:
            probabilities: (K, ...) calibrated.

        Returns:
            (...) class of each pixel in 0..K-1. With two classes and a threshold of 0.5 it is the likelier one.
        """
        likeliest = probabilities[1:].argmax(0).astype(np.uint8) + np.uint8(1)
        is_foreground = 1 - probabilities[0] >= np.float32(self.threshold)
        return np.where(is_foreground, likeliest, np.uint8(0))

    def needs_review(self, expected: float) -> bool:
        """Says whether a person should look at a case with this expected Dice."""
        return self.review_below is not None and expected < self.review_below

    def to_dict(self) -> dict[str, Any]:
        """Returns the numbers, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Restores what `to_dict` wrote.

        Raises:
            ValueError: It is something else.
        """
        checked_keys(cls, saved)
        review = saved["review_below"]
        return cls(
            float(saved["temperature"]),
            float(saved["threshold"]),
            None if review is None else float(review),
        )


def uncertainty(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy of each pixel as a share of the highest there can be.

    Args:
        probabilities: (K, ...) that add up to 1 over the classes.

    Returns:
        (...) float32 in [0, 1]: 0 where one class is certain, 1 where all are equally likely.
    """
    entropy = np.zeros(probabilities.shape[1:], np.float32)
    for share in probabilities:
        entropy -= share * np.log(np.maximum(share, np.finfo(np.float32).tiny), dtype=np.float32)
    entropy /= np.float32(np.log(len(probabilities)))
    return entropy.clip(0, 1)


def expected_dice(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """The Dice that the foreground of a case would have if the probabilities were right; no truth is needed.

    Args:
        probabilities: (K, ...) calibrated.
        labels: (...) that were made of them.

    Returns:
        2 sum(p y) / (sum(p) + sum(y)) for the probability p of any foreground class, and y, 1 where the label is one;
        where no pixel is, the probability that the most suspicious pixel is background, too: 1 where all surely are.
    """
    foreground, found = 1 - probabilities[0], labels > 0
    if not found.any():
        return float(min(1 - foreground.max(), 1))
    likely = foreground.sum(dtype=np.float64)
    shared = foreground.sum(where=found, dtype=np.float64)
    return float(2 * shared / (likely + found.sum()))
