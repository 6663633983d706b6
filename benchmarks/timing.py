"""Seconds and memory of jobs: alternating in one run, so that what else the machine does meets them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
Job = Callable[[], None]
Jobs = Mapping[tuple[str, str], Job]
"""By (what, whose)."""


def pick_device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def now(device: torch.device) -> float:
    """The time in seconds, once the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def seconds(job: Job, device: torch.device, precision: str) -> float:
    """Wall time of one call, the device's work included."""
    start = now(device)
    with torch.autocast(device.type, DTYPES[precision], enabled=precision != "fp32"):
        job()
    return now(device) - start


def alternate(jobs: Jobs, device: torch.device, rounds: int) -> dict[str, Any]:
    """Times all jobs in all precisions, alternating, after one round to warm up.

    Args:
        jobs: What is timed.
        device: Where they work.
        rounds: Timed rounds.

    Returns:
        `{precision: {what: {whose: {"median", "all"}}}}` in seconds.
    """
    times: dict[tuple[str, str, str], list[float]] = {}
    for number in range(rounds + 1):
        for precision in DTYPES:
            for (what, whose), job in jobs.items():
                elapsed = seconds(job, device, precision)
                if number:
                    times.setdefault((precision, what, whose), []).append(elapsed)
    nested: dict[str, Any] = {}
    for (precision, what, whose), every in times.items():
        entry = {"median": statistics.median(every), "all": [round(one, 4) for one in every]}
        nested.setdefault(precision, {}).setdefault(what, {})[whose] = entry
    return nested


def peak(make_job: Callable[[torch.device], Job]) -> float:
    """Memory that a job adds to what was there before it, in a process of its own.

    Args:
        make_job: Makes the job on a device; can be pickled.

    Returns:
        MiB: of the allocator on a GPU, of the process on a CPU.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_peak, args=(make_job, sender))
    process.start()
    found: float = receiver.recv()
    process.join()
    return found


def _send_peak(make_job: Callable[[torch.device], Job], connection: Any) -> None:
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
