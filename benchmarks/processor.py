"""Seconds of the processor, which count one's own work alone, however busy the machine is."""

import resource
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils.data import DataLoader, Dataset

from benchmarks.timing import Times
from lumbar.data.loader import start_worker


def spent() -> float:
    """Seconds that this process and those of its children that have ended took of the processor."""
    every = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in every)


def seconds_of(job: Callable[[], object]) -> float:
    """What one call takes of the processor."""
    before = spent()
    job()
    return spent() - before


def seconds_of_image(
    dataset: Dataset[Any], collate: Callable[[list[Any]], Any], batches: Sequence[Sequence[Any]]
) -> float:
    """What a loader process, and the process that gets its batches, spend on an image.

    Args:
        dataset: Makes a sample of each key.
        collate: Makes a batch of samples.
        batches: Keys of at least two batches; the first one is made twice, to take out what it costs to begin.
    """

    def load(some: Sequence[Sequence[Any]]) -> None:
        loader = DataLoader(
            dataset,
            batch_sampler=some,  # type: ignore[arg-type] # lists of any keys serve
            collate_fn=collate,
            num_workers=1,
            worker_init_fn=start_worker,
        )
        for _ in loader:
            pass

    beginning = seconds_of(lambda: load(batches[:1]))
    every = seconds_of(lambda: load(batches))
    return (every - beginning) / sum(map(len, batches[1:]))


def in_turns(rivals: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Times]:
    """Lets rivals measure themselves, after a round to warm up; another one begins each round.

    Args:
        rivals: What returns the seconds of a round, by name.
        rounds: Those that count.
    """
    names = list(rivals)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            elapsed = rivals[name]()
            if number >= 0:
                found[name].append(elapsed)
    return {name: Times.of(every) for name, every in found.items()}
