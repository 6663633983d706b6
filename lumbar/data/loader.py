"""A loader that remembers where it is, so that a run can resume in the middle of an epoch."""

import gc
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any, Literal

from torch import multiprocessing
from torch.utils.data import DataLoader

from lumbar.data.sample import Sample
from lumbar.data.samplers import TrainBatchSampler

_ENOUGH_WORKERS = 8


class ResumableLoader(DataLoader[Sample]):
    """A DataLoader over a `TrainBatchSampler`; each pass is the next epoch.

    Lightning saves and restores it through `state_dict` and `load_state_dict`. What it counts are
    the batches handed out, not those that workers have prepared. Order and augmentation follow from
    (seed, epoch, image), so two numbers are the whole state.
    """

    _begun = False
    _handed_out = 0

    @property
    def _order(self) -> TrainBatchSampler:
        assert isinstance(self.batch_sampler, TrainBatchSampler)
        return self.batch_sampler

    # torch promises an iterator of its own class; nobody needs more of it than this.
    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yields the batches of the next epoch, or what is left of the restored one."""
        if self._begun:
            self._order.epoch += 1
            self._order.skip = 0
        self._begun = True
        self._handed_out = self._order.skip
        for batch in super().__iter__():
            self._handed_out += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Says where the pass is: `epoch`, and the `batches` of it that were handed out.

        A finished epoch is the start of the next one.
        """
        if self._handed_out >= len(self._order):
            return {"epoch": self._order.epoch + 1, "batches": 0}
        return {"epoch": self._order.epoch, "batches": self._handed_out}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Makes the next pass begin where `state_dict` was taken."""
        self._begun = False
        self._order.epoch = state["epoch"]
        self._order.skip = self._handed_out = state["batches"]


def worker_count(setting: int | Literal["auto"], *, sharing: int) -> int:
    """Says how many processes load for one device.

    Args:
        setting: That many; auto takes the cores that are left beside the process for each device, at most 8.
        sharing: Devices that share the cores of this machine.

    Returns:
        At least 1 for auto.
    """
    if setting != "auto":
        return setting
    known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return max(1, min(_ENOUGH_WORKERS, cores // sharing - 1))


def start_worker(_worker: int) -> None:
    """Prepares a process that loads samples; the `worker_init_fn` of every loader.

    It outlives the signals that stop a run: the main process needs it to the end of its step, and then lets it go.
    """
    # Tensors are handed over through named files: the default may run out of open descriptors.
    multiprocessing.set_sharing_strategy("file_system")
    # A garbage collection that looks at what was there before a fork would copy its pages, some 90 MB.
    gc.freeze()
    if hasattr(signal, "sigwaitinfo"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_leave_when_parent_asks, daemon=True).start()


def _leave_when_parent_asks() -> None:
    """Waits for a SIGTERM from the main process, not from a scheduler or a shell that signals the whole group."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
