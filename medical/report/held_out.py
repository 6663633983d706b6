"""Cases with what was said of them by the fold that had not seen them, one after the other."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from medical.learning.run import MedicalRun
from medical.scans.read import read_volume
from medical.scans.volume import Volume
from medical.study.cases import Case
from medical.study.truth import read_truth


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One case."""

    case: Case
    fold: int
    """That has not seen it."""
    volume: Volume
    truth: NDArray[np.uint8]
    """(D, H, W) class of each voxel, 255 where nothing counts."""
    probabilities: NDArray[np.float32]
    """(K, D, H, W) as the network said them."""

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Millimetres between slices, rows and columns; None of a picture."""
        geometry = self.volume.geometry
        return None if geometry is None else geometry.spacing


def read_held_out(run: MedicalRun, case: Case) -> HeldOut:
    """Reads a case, its mask and its prediction.

    Args:
        run: A finished fit.
        case: Of its study.

    Raises:
        ValueError: One of them is missing or damaged, or they do not fit each other.
    """
    volume = read_volume(case.images, plane=run.preprocess.plane)
    truth = read_truth(case, volume, run.study.classes)
    probabilities = run.out_of_fold.load(case.alias).astype(np.float32)
    expected = (len(run.study.classes), *truth.shape)
    if probabilities.shape != expected:
        raise ValueError(
            f"{run.path}: the prediction of {case.alias} has the shape {probabilities.shape}, and its data "
            f"{expected}: the data have changed since fit; bring them back, or fit anew"
        )
    return HeldOut(case, run.fold_of(case.alias), volume, truth, probabilities)


def held_out_cases(run: MedicalRun, doing: str) -> Iterator[HeldOut]:
    """Reads all cases of a run, one at a time, with a progress bar on terminals.

    Args:
        run: A finished fit.
        doing: What is done with them, for the bar.

    Raises:
        ValueError: A case has no prediction, is missing or damaged.
    """
    missing = {case.alias for case in run.study.cases} - {*run.out_of_fold.aliases()}
    if missing:
        raise ValueError(
            f"{run.path}: {len(missing)} of {len(run.study.cases)} cases have no prediction ({min(missing)} is one): "
            "go on with fit --resume auto"
        )
    for case in track(
        run.study.cases,
        doing,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ):
        yield read_held_out(run, case)
