"""Processes of their own that begin with all imported: each is forked from one that has done nothing else."""

from collections.abc import Callable
from multiprocessing import get_all_start_methods, get_context, set_start_method
from multiprocessing.process import BaseProcess

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["detection.train", "segmentation.train", "classification.train"])


def start(function: Callable[..., None], *arguments: object) -> BaseProcess:
    """Begins `function(*arguments)`; what it starts itself is started as anywhere else."""
    process = CONTEXT.Process(target=_call, args=(function, arguments))
    process.start()
    return process


def _call(function: Callable[..., None], arguments: tuple[object, ...]) -> None:
    # A process passes on the method by which it was started.
    usual, *_ = get_all_start_methods()
    set_start_method(usual, force=True)
    function(*arguments)


def answer(function: Callable[..., None], *arguments: object) -> object:
    """What `function(*arguments, connection)` sends first.

    Raises:
        EOFError: The process ended before.
    """
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = start(function, *arguments, sender)
    sender.close()  # Else nobody would notice that the other end is gone.
    found = receiver.recv()
    process.join()
    return found
