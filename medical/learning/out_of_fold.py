"""What the models said of cases that they had not seen: one file of probabilities for each."""

import math
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from lumbar.files import atomic_write
from medical.scans.pipeline import Network, probabilities
from medical.scans.preprocess import Preprocess
from medical.scans.read import read_volume
from medical.study.cases import Case

_SUFFIX = ".npz"


class OutOfFold:
    """A folder of predictions by the aliases of the cases."""

    def __init__(self, folder: Path) -> None:
        """Keeps the folder, which is made with the first prediction."""
        self.folder = folder

    def aliases(self) -> tuple[str, ...]:
        """The cases that are predicted."""
        return tuple(
            sorted(path.name.removesuffix(_SUFFIX) for path in self.folder.glob(f"*{_SUFFIX}"))
        )

    def save(self, alias: str, probabilities: NDArray[np.float32]) -> None:
        """Writes what was said of a case.

        Args:
            alias: Of the case.
            probabilities: (K, D, H, W) of its own size, as the network says them; kept as float16.

        Raises:
            UnwritableError: There is no room for it.
        """
        with atomic_write(self._path(alias)) as partial, partial.open("wb") as content:
            np.savez_compressed(content, probabilities=probabilities.astype(np.float16))

    def load(self, alias: str) -> NDArray[np.float16]:
        """Reads what was said of a case, (K, D, H, W).

        Raises:
            ValueError: There is no prediction, or its file is damaged.
        """
        path = self._path(alias)
        try:
            with path.open("rb") as content, np.load(content, allow_pickle=False) as saved:
                found: NDArray[np.float16] = saved["probabilities"]
        except (OSError, KeyError, ValueError, EOFError, BadZipFile, zlib.error) as error:
            raise ValueError(
                f"{path}: no whole prediction of this case ({error}): delete it, and go on with fit --resume auto"
            ) from error
        return found

    def _path(self, alias: str) -> Path:
        return self.folder / f"{alias}{_SUFFIX}"


class Predicted(NamedTuple):
    """What a network said of a case."""

    probabilities: NDArray[np.float32]
    """(K, D, H, W)."""
    seconds: float
    """With reading the case."""

    @property
    def voxels(self) -> int:
        """Of the case."""
        return math.prod(self.probabilities.shape[1:])

    @property
    def seconds_per_voxel(self) -> float:
        """How long it took."""
        return self.seconds / self.voxels


def predict_case(
    case: Case, preprocess: Preprocess, network: Network, *, batch: int = 8
) -> Predicted:
    """Reads a case, and asks a network.

    Args:
        case: Its mask is not looked at.
        preprocess: What is done to it before.
        network: (B, C, h, w) to (B, K, h, w).
        batch: The most tiles that it gets at a time.

    Raises:
        ValueError: The case cannot be read.
    """
    began = perf_counter()
    volume = read_volume(case.images, plane=preprocess.plane)
    found = probabilities(volume, preprocess, network, batch=batch)
    return Predicted(found, perf_counter() - began)


def predict_cases(
    cases: Sequence[Case],
    out_of_fold: OutOfFold,
    preprocess: Preprocess,
    network: Network,
    *,
    batch: int,
) -> bool:
    """Predicts the cases that are not predicted yet.

    Args:
        cases: Those that the network has not seen in training.
        out_of_fold: Where it is kept.
        preprocess: What is done to them before.
        network: (B, C, h, w) to (B, K, h, w).
        batch: The most tiles that it gets at a time.

    Returns:
        Whether all of them were left to do.

    Raises:
        ValueError: A case cannot be read, or there is no room.
    """
    done = {*out_of_fold.aliases()}
    missing = [case for case in cases if case.alias not in done]
    for case in track(
        missing,
        "predicting held-out cases",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ):
        predicted = predict_case(case, preprocess, network, batch=batch)
        out_of_fold.save(case.alias, predicted.probabilities)
    return len(missing) == len(cases)
