"""Processes that need not import torch for seconds: each is forked from one that has, and is otherwise its own."""

import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context, set_start_method
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from lightning.pytorch.utilities import rank_zero_only
from torch.multiprocessing.spawn import start_processes

FORKED = get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        *("lightning.pytorch", "torch.utils.tensorboard"),
        *("detection.train", "detection.evaluate", "detection.predict"),
        *("segmentation.train", "segmentation.evaluate", "segmentation.predict"),
        *("classification.train", "classification.evaluate"),
        *("medical.study.check", "medical.learning.fit", "medical.report.report"),
    ]
)


def on_ranks(function: Callable[..., None], *arguments: object) -> None:
    """Calls `function(rank, *arguments)` in two processes, and raises what either raises."""
    start_processes(function, arguments, nprocs=2, start_method="forkserver")


@contextmanager
def forked(
    function: Callable[..., None], *arguments: object
) -> Iterator[tuple[BaseProcess, Connection]]:
    """Calls `function(*arguments, connection)` in a process, which is killed in the end; it and what it sends."""
    received, sent = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=function, args=(*arguments, sent))
    process.start()
    sent.close()
    try:
        yield process, received
    finally:
        process.kill()
        process.join()
        received.close()


def start_script(
    script: Path, *arguments: object, folder: Path, output: Path, **environment: str
) -> BaseProcess:
    """Begins what `python SCRIPT ARGUMENTS` does in `folder`, on one thread.

    Args:
        script: A file.
        arguments: What follows it on the command line.
        folder: The current one of the process.
        output: Where all that it prints goes.
        environment: Variables that are set beside those of this process.
    """
    words = [str(script), *map(str, arguments)]
    variables = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    process = FORKED.Process(target=_become, args=(words, folder, output, variables))
    process.start()
    return process


def _become(words: Sequence[str], folder: Path, output: Path, variables: Mapping[str, str]) -> None:
    with output.open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    torch.set_num_threads(1)
    usual, *_ = get_all_start_methods()
    set_start_method(usual, force=True)  # for its own children; that of this process came with it
    # Lightning has looked for it when it was imported.
    rank_zero_only.rank = int(variables.get("RANK", variables.get("SLURM_PROCID", "0")))  # type: ignore[attr-defined]
    sys.argv = [*words]
    try:
        runpy.run_path(words[0], run_name="__main__")
    except KeyboardInterrupt:
        # Ends as Python itself does; `multiprocessing` would make an error of it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
