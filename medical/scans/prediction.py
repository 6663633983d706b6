"""What is found in one scan: calibrated probabilities, labels, and how good they may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import PixelClasses
from medical.scans.decision import Decision, expected_dice, uncertainty
from medical.scans.pipeline import Network, probabilities
from medical.scans.preprocess import Preprocess
from medical.scans.read import read_volume
from medical.scans.volume import Volume


class Prediction(NamedTuple):
    """What was found in a scan."""

    probabilities: NDArray[np.float32]
    """(K, D, H, W) in the size of the file, calibrated; over the classes they add up to 1."""
    labels: NDArray[np.uint8]
    """(D, H, W) class of each voxel in 0..K-1, 0 is the background."""
    expected_dice: float
    """Of all foreground, as `decision.expected_dice` has it."""
    needs_review: bool | None
    """Whether a person should look at it; None where nobody has said when."""

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """(D, H, W) in [0, 1]: the entropy of each voxel, 1 where all classes are equally likely."""
        return uncertainty(self.probabilities)


@dataclass(frozen=True)
class Predictor:
    """A network with everything that surrounds it."""

    network: Network
    """Inputs (B, C, h, w) to probabilities."""
    preprocess: Preprocess
    """What is done to scans before."""
    decision: Decision
    """What is made of the probabilities."""
    classes: PixelClasses
    """What the labels mean."""
    batch: int = 8
    """The most tiles that the network gets at a time."""

    def __post_init__(self) -> None:
        """Checks the batch.

        Raises:
            ValueError: Nothing would ever be looked at.
        """
        if self.batch < 1:
            raise ValueError(f"batch {self.batch}: at least one tile must be looked at at a time")

    def read(self, files: Sequence[Path]) -> Volume:
        """Reads a scan in the slices that the network knows.

        Args:
            files: As for `read_volume`.

        Raises:
            ValueError: They cannot be read.
        """
        return read_volume(files, plane=self.preprocess.plane)

    def __call__(self, volume: Volume) -> Prediction:
        """Finds the classes in a scan (D, H, W, C).

        Raises:
            ValueError: The scan does not fit the network.
        """
        raw = probabilities(volume, self.preprocess, self.network, batch=self.batch)
        calibrated = self.decision.calibrated(raw)
        labels = self.decision.labels(calibrated)
        expected = expected_dice(calibrated, labels)
        known = self.decision.review_below is not None
        review = self.decision.needs_review(expected) if known else None
        return Prediction(calibrated, labels, expected, review)
