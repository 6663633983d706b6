"""Which images make which batch, on which rank: follows from data set, seed and epoch alone."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from lumbar.data.sizes import Size

Key = tuple[int, int]
"""(round, index): what the data set is asked for. A round shows an image once, and is the epoch where none is repeated;
it travels along as workers outlive it."""


class TrainBatchSampler(Sampler[list[Key]]):
    """Shuffled batches of one group of images each, the same ones for any number of ranks.

    The images of an epoch are dealt into steps of the optimiser, of which each rank takes its
    slice: the product of ranks, `batch_size` and `accumulate` alone decides what one step sees. At
    the end of an epoch the images that fill no step are left out, others each time. A group smaller
    than one step joins the largest group; a data set smaller than one is repeated to fill it.

    With repeats an epoch has as many images as without, but fewer different ones: each stands in
    a step so many times, in rounds of its own, and so augmented differently (Hoffer et al. 2019,
    arXiv:1901.09335).

    Attributes:
        epoch: The epoch that the next pass yields.
        skip: Batches at its beginning that the next pass leaves out, for resuming.
    """

    def __init__(
        self,
        groups: NDArray[np.int64],
        *,
        batch_size: int,
        seed: int,
        rank: int,
        world: int,
        accumulate: int = 1,
        repeats: int = 1,
    ) -> None:
        """Keeps the groups and the place of this rank.

        Args:
            groups: (N,) number of the group that each image belongs to, N >= 1.
            batch_size: Images of one batch on this rank.
            seed: Of the run.
            rank: This process among `world`.
            world: Number of processes.
            accumulate: Batches of one step.
            repeats: Times that an image is shown in its epoch; more than 1 only where there is one group.
        """
        assert repeats == 1 or not np.ptp(groups), "an epoch would not have the steps that it says"
        self.epoch = 0
        self.skip = 0
        self._deal = (accumulate, world, batch_size)
        self._total = accumulate * world * batch_size
        self._rank = rank
        self._seed = seed
        self._repeats = repeats
        self._groups = _join_small_groups(groups, self._total)

    def __len__(self) -> int:
        """Batches of a whole epoch, also when some are skipped."""
        _, counts = np.unique(self._groups, return_counts=True)
        return self._deal[0] * max(1, int((counts // self._total).sum()))

    def __iter__(self) -> Iterator[list[Key]]:
        """Yields the batches of this rank in the present epoch."""
        epoch, repeats = self.epoch, self._repeats
        batches = self._steps(epoch).reshape(-1, *self._deal)[:, :, self._rank]
        for batch in batches.reshape(-1, batches.shape[-1])[self.skip :].tolist():
            views = (divmod(view, repeats) for view in batch)
            yield [(epoch * repeats + number, index) for index, number in views]

    def _steps(self, epoch: int) -> NDArray[np.int64]:
        """The (S, T) views of each step of all ranks together, `repeats` of each image."""
        rng, count = np.random.default_rng((self._seed, epoch)), len(self._groups)
        images: NDArray[np.int64] = rng.permutation(count)
        order = (images[:, None] * self._repeats + np.arange(self._repeats)).flatten()[:count]
        if len(order) < self._total:
            return np.resize(order, (1, self._total))
        shuffled = self._groups[order // self._repeats]
        # A step is a list of places in the shuffled order, ready when its last place is reached.
        members = (np.flatnonzero(shuffled == group) for group in np.unique(shuffled))
        places = np.concatenate([self._whole_steps(places) for places in members])
        steps: NDArray[np.int64] = order[places[np.argsort(places[:, -1])]]
        return steps

    def _whole_steps(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return places[: len(places) // self._total * self._total].reshape(-1, self._total)


class EvalBatchSampler(Sampler[list[Key]]):
    """Every image once over all ranks, without padding; batches hold one canvas size.

    The batches are formed before they are dealt, because the last digits of a convolution depend on
    its batch: every image has the same mates on any number of ranks. A rank that gets no batch
    repeats the last one, as it would miss the collective calls of the others: the evaluator drops
    what it sees twice.
    """

    def __init__(self, canvases: Sequence[Size], *, batch_size: int, rank: int, world: int) -> None:
        """Forms the batches.

        Args:
            canvases: Canvas of each image (height, width).
            batch_size: Largest number of images in a batch.
            rank: This process among `world`.
            world: Number of processes.
        """
        by_canvas: dict[Size, list[int]] = {}
        for index, canvas in enumerate(canvases):
            by_canvas.setdefault(canvas, []).append(index)
        batches = [
            [(0, index) for index in indices[start : start + batch_size]]
            for indices in by_canvas.values()
            for start in range(0, len(indices), batch_size)
        ]
        piece = slice(len(batches) * rank // world, len(batches) * (rank + 1) // world)
        self._batches = batches[piece] or batches[-1:]

    def __len__(self) -> int:
        """Batches of this rank."""
        return len(self._batches)

    def __iter__(self) -> Iterator[list[Key]]:
        """Yields the batches of this rank; the epoch is always 0."""
        return iter(self._batches)


def _join_small_groups(groups: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Gives the images of groups that could never fill a step the number of the largest group."""
    numbers, counts = np.unique(groups, return_counts=True)
    return np.where(np.isin(groups, numbers[counts < total]), numbers[counts.argmax()], groups)
