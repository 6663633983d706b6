"""Trains a tiny detector that is killed again and again: `killed_run.py EXAMPLES FOLDER RANKS WORKERS KILLS`.

Each run goes on from its last checkpoint until it is finished. The first one, FOLDER/whole, is left alone; others are
killed at random moments until there were so many. Processes are forked from one that has imported everything, and find
each other as those of torchrun do.
"""

import os
import signal
import socket
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from detection.module import DetectionModule
from detection.train import train
from lumbar.ops.structures import Batch
from lumbar.training.checkpoint import AtomicCheckpointIO
from tests.detection.runs import tiny_run

EXAMPLES, ROOT = Path(sys.argv[1]), Path(sys.argv[2])
RANKS, WORKERS, KILLS = map(int, sys.argv[3:])
CONFIG = tiny_run(
    EXAMPLES,
    [
        *("data.train.limit=8", f"data.batch_size_per_device={2 // RANKS}"),
        *(f"data.workers={WORKERS}", "data.test.annotations=''", "data.val.limit=2"),
        *("trainer.max_steps=null", "trainer.max_epochs=3", "trainer.save_every_steps=2"),
        *("optim.name=sgd", "trainer.loggers=[csv]"),
    ],
)


class WrittenDown(DetectionModule):
    """Leaves the step and the images of each batch in a file before it takes it."""

    file = ROOT

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        ids = " ".join(map(str, batch.image_ids.tolist()))
        with self.file.open("a") as file:
            file.write(f"{self.global_step} {ids}\n")
        return super().training_step(batch, batch_index)


def train_as(rank: int, port: int, folder: Path) -> None:
    """Trains in a process of its own."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": RANKS, "LOCAL_WORLD_SIZE": RANKS}
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "killed"}
    if RANKS > 1:
        os.environ.update({name: str(value) for name, value in (place | meeting).items()})
        rank_zero_only.rank = rank  # type: ignore[attr-defined]
    torch.set_num_threads(1)
    WrittenDown.file = folder.with_name(f"{folder.name}.{rank}")
    sys.modules["detection.train"].DetectionModule = WrittenDown  # type: ignore[attr-defined]
    train(CONFIG, name="killed", output=folder, resume="auto")


def begin(folder: Path) -> list[int]:
    """Forks the ranks; their process ids."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    pids = []
    for rank in range(RANKS):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                train_as(rank, port, folder)
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        pids.append(pid)
    return pids


def is_finished(folder: Path, killed_after: float | None = None) -> bool:
    """Goes on with a run, and kills it after so many seconds if it has not finished by then."""
    pids = begin(folder)
    if killed_after is not None:
        time.sleep(killed_after)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)  # nobody has waited for them: the ids are still theirs
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert set(codes) <= {0, -signal.SIGKILL}, codes
    for file in (folder / "checkpoints").glob("*.ckpt"):
        AtomicCheckpointIO().load_checkpoint(file)
    return not any(codes)


if __name__ == "__main__":
    warnings.simplefilter("error")
    start = time.monotonic()
    assert is_finished(ROOT / "whole")
    duration = time.monotonic() - start
    draw = np.random.default_rng((RANKS, WORKERS, KILLS))
    kills, runs = 0, 0
    while kills < KILLS:
        folder = ROOT / f"run{runs}"
        runs += 1
        while not is_finished(folder, draw.uniform(0.1, 1) * duration if kills < KILLS else None):
            kills += 1
    sys.stdout.write(f"\n{kills} kills in {runs} runs of {duration:.1f} s\n")
