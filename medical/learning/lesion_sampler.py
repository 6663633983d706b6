"""Where patches are cut: around lesions, each of which is as likely as any other of its case, or anywhere."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medical.learning.lesion_index import Lesions

_MARGIN = 0.1
"""Share of a patch along its borders in which the drawn voxel does not land."""


class Draw(NamedTuple):
    """One patch to be cut."""

    case: int
    """Index of the case."""
    voxel: tuple[int, int, int]
    """Slice, row and column that the patch holds."""
    landing: tuple[float, float]
    """Where in the patch this voxel comes to lie, as shares of its height and width."""
    lesion: int | None
    """Which of all lesions, numbered over the cases, the voxel is of; None where it was drawn anywhere."""


class LesionSampler:
    """Draws patches on two levels: a case, then one of its lesions.

    Neither cases nor lesions count by their size, so that a small lesion is seen as often as a large one. The drawn
    voxel lands anywhere in the patch: one that is always in the middle would teach that lesions are. A draw is a
    function of (seed, epoch, index) alone.
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, int, int]],
        lesions: Sequence[Lesions],
        *,
        lesion_share: float,
        seed: int,
    ) -> None:
        """Counts what there is to draw.

        Args:
            shapes: (D, h, w) of each case.
            lesions: Of each case.
            lesion_share: Probability of a patch around a lesion.
            seed: Of the run.
        """
        self._shapes = np.array(shapes).reshape(-1, 3)
        self._lesions = lesions
        counts = [len(case.classes) for case in lesions]
        self._first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._with_lesion = np.flatnonzero(counts)
        self._slices = np.cumsum(self._shapes[:, 0])
        self._share = lesion_share if len(self._with_lesion) else 0.0
        self._seed = seed

    @property
    def num_slices(self) -> int:
        """Of all cases together."""
        return int(self._slices[-1])

    @property
    def num_lesions(self) -> int:
        """Of all cases together."""
        return int(self._first[-1])

    def draw(self, epoch: int, index: int) -> Draw:
        """Draws one patch."""
        rng = np.random.default_rng((self._seed, epoch, index))
        low, high = rng.uniform(_MARGIN, 1 - _MARGIN, 2).tolist()
        if rng.random() < self._share:
            return self._around_lesion(rng, (low, high))
        return self._anywhere(rng, (low, high))

    def sightings(self, epochs: int, length: int) -> NDArray[np.int64]:
        """Replays how often each lesion was drawn.

        Args:
            epochs: Of the run.
            length: Patches of each.

        Returns:
            (num_lesions,).
        """
        counts = np.zeros(self.num_lesions, np.int64)
        for epoch in range(epochs):
            for index in range(length):
                lesion = self.draw(epoch, index).lesion
                if lesion is not None:
                    counts[lesion] += 1
        return counts

    def _around_lesion(self, rng: np.random.Generator, landing: tuple[float, float]) -> Draw:
        case = int(rng.choice(self._with_lesion))
        lesions = self._lesions[case]
        kind = rng.choice(np.unique(lesions.classes))
        lesion = int(rng.choice(np.flatnonzero(lesions.classes == kind)))
        place = rng.choice(lesions.voxels[lesion])
        voxel = (int(place[0]), int(place[1]), int(place[2]))
        return Draw(case, voxel, landing, int(self._first[case]) + lesion)

    def _anywhere(self, rng: np.random.Generator, landing: tuple[float, float]) -> Draw:
        number = int(rng.integers(self.num_slices))
        case = int(np.searchsorted(self._slices, number, side="right"))
        depth, height, width = self._shapes[case].tolist()
        first = int(self._slices[case]) - depth
        row, column = int(rng.integers(height)), int(rng.integers(width))
        return Draw(case, (number - first, row, column), landing, None)


def drawn(counts: NDArray[np.int64]) -> str:
    """Summarises (n,) sightings in a sentence for the log; a patch shows those beside the drawn one, too."""
    if not len(counts):
        return "there is no lesion to be drawn"
    never = int((counts == 0).sum())
    return (
        f"{len(counts)} lesions, each drawn {np.median(counts):.0f} times (median; {counts.min()} to {counts.max()}, "
        f"{never} never)"
    )
