"""What was said of each case out of fold, beside the truth: read one after the other, as often as is asked."""

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from medical.learning.out_of_fold import OutOfFold
from medical.scans.read import read_volume
from medical.scans.volume import Plane
from medical.study.cases import Study
from medical.study.truth import read_truth


class Answer(NamedTuple):
    """One case."""

    probabilities: NDArray[np.float32]
    """(K, D, H, W) as the network said them."""
    truth: NDArray[np.uint8]
    """(D, H, W) class of each voxel, 255 where nothing counts."""


class Answers:
    """All cases of a study; only one of them is held in memory."""

    def __init__(self, out_of_fold: OutOfFold, study: Study, *, plane: Plane | None) -> None:
        """Keeps where everything is.

        Args:
            out_of_fold: The predictions.
            study: Its cases have masks.
            plane: In which scans are looked at.
        """
        self._out_of_fold = out_of_fold
        self._study = study
        self._plane = plane

    def __iter__(self) -> Iterator[Answer]:
        """Reads them, with a bar on terminals.

        Raises:
            ValueError: A prediction, an image or a mask is missing or damaged.
        """
        for case in track(
            self._study.cases,
            "comparing predictions with masks",
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        ):
            volume = read_volume(case.images, plane=self._plane)
            truth = read_truth(case, volume, self._study.classes)
            yield Answer(self._out_of_fold.load(case.alias).astype(np.float32), truth)
