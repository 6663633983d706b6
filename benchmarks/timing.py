"""Seconds and memory of jobs: alternating in one run, so that what else the machine does meets them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.forked import answer
from benchmarks.report import Ratio
from benchmarks.results import device_kind

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
Job = Callable[[], object]
Jobs = Mapping[tuple[str, str], Job]
"""By (what, whose)."""

_WARM_UP = {"cpu": 1, "cuda": 4}
"""Rounds that are not counted; a GPU tries its kernels, compiles and records graphs in them."""


class Times(NamedTuple):
    """Seconds of the rounds of a job."""

    median: float
    all: list[float]

    @classmethod
    def of(cls, rounds: list[float]) -> "Times":
        """From the seconds of at least one round."""
        return cls(statistics.median(rounds), rounds)

    def faster_than(self, other: "Times", what: str, goal: float | None = None) -> Ratio:
        """How many times the other takes, round by round.

        Args:
            other: Of a rival in the same rounds.
            what: Name of the comparison.
            goal: What it is to be.
        """
        pairs = [theirs / ours for theirs, ours in zip(other.all, self.all, strict=True)]
        low, _, high = statistics.quantiles(pairs, n=4) if len(pairs) > 1 else pairs * 3
        return Ratio(what, statistics.median(pairs), low, high, goal)


def pick_device() -> torch.device:
    """The GPU if there is one."""
    return torch.device(device_kind())


def now(device: torch.device) -> float:
    """The time in seconds, once the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context of a precision: `fp32`, which changes nothing, or `bf16`."""
    return torch.autocast(device.type, DTYPES[precision], enabled=precision != "fp32")


def seconds(job: Job, device: torch.device, precision: str = "fp32") -> float:
    """Wall time of one call, the device's work included."""
    start = now(device)
    with autocast(device, precision):
        job()
    return now(device) - start


def take_turns(
    rivals: Mapping[str, Job],
    device: torch.device,
    rounds: int,
    precision: str = "fp32",
    *,
    warm_up: int | None = None,
) -> dict[str, Times]:
    """Times jobs of one kind after some rounds to warm up; another one begins each round.

    Only its like runs before a job, so that what others leave in caches and allocators meets all alike.

    Args:
        rivals: Jobs by whose they are.
        device: Where they work.
        rounds: Timed rounds.
        precision: Of their products.
        warm_up: Rounds before those; None: as many as the device needs.

    Returns:
        Times by whose they are.
    """
    names = list(rivals)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-(_WARM_UP[device.type] if warm_up is None else warm_up), rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            elapsed = seconds(rivals[name], device, precision)
            if number >= 0:
                found[name].append(elapsed)
    return {name: Times.of(every) for name, every in found.items()}


def alternate(
    jobs: Jobs, device: torch.device, rounds: int, *, warm_up: int | None = None
) -> dict[str, dict[str, dict[str, Times]]]:
    """Times jobs in all precisions, those of one kind in turns.

    Args:
        jobs: What is timed.
        device: Where they work.
        rounds: Timed rounds.
        warm_up: Rounds before those; None: as many as the device needs.

    Returns:
        `{precision: {what: {whose: times}}}`.
    """
    kinds: dict[str, dict[str, Job]] = {}
    for (what, whose), job in jobs.items():
        kinds.setdefault(what, {})[whose] = job
    return {
        precision: {
            what: take_turns(rivals, device, rounds, precision, warm_up=warm_up)
            for what, rivals in kinds.items()
        }
        for precision in DTYPES
    }


def peak(make_job: Callable[[torch.device], Job]) -> float:
    """Memory that a job adds to what was there before it, in a process of its own.

    Args:
        make_job: Makes the job on a device; can be pickled.

    Returns:
        MiB: of the allocator on a GPU, of the process on a CPU.

    Raises:
        EOFError: The process ended before its job.
    """
    found: Any = answer(_send_peak, make_job)
    return float(found)


def _send_peak(make_job: Callable[[torch.device], Job], connection: Connection) -> None:
    device = pick_device()
    job = make_job(device)
    before = _memory(device)
    job()
    connection.send(_memory(device) - before)


def _memory(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    # Not ru_maxrss, which a process inherits from the one that has started it.
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (peak_kib,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak_kib) / 2**10
