"""Networks of the same task beside each other: seconds, what they ask of the device, and how near they come to it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from benchmarks.report import Ratio, Table
from benchmarks.roofline import Ceiling, Work, count_work, measure_ceilings
from benchmarks.timing import DTYPES, Job, Jobs, Times, alternate, autocast
from benchmarks.waits import SyncCounter, count_launches, count_waits

COMPILED = ", compiled"
"""Ends the name of a contender whose operators are no longer those that it is written in."""
Goals = Mapping[str, Mapping[str, float]]
"""How many times faster than the fastest peer, by precision and job; what is not named has no goal."""


class Counts(NamedTuple):
    """What one call asks of device and host."""

    work: Work
    waits: int
    """Of the host for the device."""
    launches: int
    """On a CPU its operators, which is about what a GPU would launch for them."""


class Race(NamedTuple):
    """What was found, by precision, job and contender."""

    times: dict[str, dict[str, dict[str, Times]]]
    counts: dict[str, dict[str, dict[str, Counts]]]
    ceilings: dict[str, Ceiling]

    def share_of_roof(self, precision: str, what: str, whose: str) -> float:
        """The least time that a job can take on this device, as a part of what it takes."""
        work = self.counts[precision][what][whose.removesuffix(COMPILED)].work
        return (
            work.best_seconds(self.ceilings[precision]) / self.times[precision][what][whose].median
        )

    def peer(self, precision: str, what: str, peers: Sequence[str]) -> Times:
        """The fastest of the peers that take part in a job."""
        rivals = self.times[precision][what]
        return min((rivals[name] for name in peers if name in rivals), key=lambda t: t.median)

    def ratios(self, subject: str, ours: str, peers: Sequence[str], goals: Goals) -> list[Ratio]:
        """Ours, compiled where that is faster, beside the fastest peer in the same precision.

        Args:
            subject: Begins the name of each comparison.
            ours: Name of our contender.
            peers: Names of theirs.
            goals: What the ratios are to be.
        """
        found = []
        for precision, by_job in self.times.items():
            for what, rivals in by_job.items():
                mine = [rivals[name] for name in (ours, ours + COMPILED) if name in rivals]
                best = min(mine, key=lambda times: times.median)
                goal = goals.get(precision, {}).get(what)
                name = f"{subject} {what}, {precision}"
                found.append(best.faster_than(self.peer(precision, what, peers), name, goal))
        return found

    def tables(self, peers: Sequence[str]) -> dict[str, Table]:
        """Times beside the fastest of the peers, counts, and ceilings."""
        rows, counts = [], []
        for precision, by_job in self.times.items():
            for what, rivals in by_job.items():
                theirs = self.peer(precision, what, peers).median
                for whose, found in rivals.items():
                    share = self.share_of_roof(precision, what, whose)
                    cells = (f"{found.median * 1e3:.1f}", f"{theirs / found.median:.2f}")
                    rows.append([precision, what, whose, *cells, f"{share:.0%}"])
                for whose, count in self.counts[precision][what].items():
                    limit = count.work.limit(self.ceilings[precision])
                    host = (str(count.waits), str(count.launches))
                    counts.append([precision, what, whose, *host, *shown(count.work), limit])
        ceilings = [
            [precision, f"{ceiling.flops / 1e9:.0f}", f"{ceiling.bytes / 1e9:.1f}"]
            for precision, ceiling in self.ceilings.items()
        ]
        job = ["precision", "job", "network"]
        return {
            "times": Table([*job, "ms", "peer's / its", "of roof"], rows),
            "counts": Table([*job, "waits", "launches", *WORK, "limit"], counts),
            "ceilings": Table(["precision", "GFLOP/s", "GB/s"], ceilings),
        }


WORK = ("GFLOP", "GB of products", "GB of all")
"""Heads of the columns of `shown`."""


def shown(work: Work) -> tuple[str, str, str]:
    """Cells under `WORK`."""
    return (
        f"{work.flops / 1e9:.1f}",
        f"{work.product_bytes / 1e9:.3f}",
        f"{work.bytes / 1e9:.3f}",
    )


def race(jobs: Jobs, device: torch.device, rounds: int) -> Race:
    """Times jobs in all precisions, and counts what they ask for.

    Args:
        jobs: What is timed.
        device: Where they work.
        rounds: Timed rounds.
    """
    ceilings = measure_ceilings(device)
    counts: dict[str, Any] = {}
    for precision in DTYPES:
        for (what, whose), job in jobs.items():
            if not whose.endswith(COMPILED):
                with autocast(device, precision):
                    found = count(job, device)
                counts.setdefault(precision, {}).setdefault(what, {})[whose] = found
    # On a CPU counting has warmed them up.
    warm_up = 0 if device.type == "cpu" else None
    return Race(alternate(jobs, device, rounds, warm_up=warm_up), counts, ceilings)


def count(job: Job, device: torch.device) -> Counts:
    """Counts one call, or on a GPU three of them."""
    with SyncCounter() as syncs:
        work = count_work(job)
    if device.type == "cuda":
        return Counts(work, count_waits(job), count_launches(job))
    return Counts(work, sum(syncs.counts.values()), work.operators)
