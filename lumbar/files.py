"""Files that are written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UnwritableError(OSError, ValueError):
    """A file cannot be written, most often for want of room on its disk; it is as it was before."""

    def __init__(self, path: Path, reason: Exception) -> None:
        """Says which file, why not, and how much room there is."""
        free = shutil.disk_usage(path.parent).free
        super().__init__(
            f"{path}: cannot be written ({reason}), {free} bytes are free on its disk; what was saved before is "
            "whole: make room, and go on (a training run with --resume auto)"
        )


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a file beside `path` to be written, which then takes its place in one step.

    A process that is killed on the way leaves `path` as it was, and one partial file, which the next writing reuses.

    Raises:
        UnwritableError: The system refuses to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch()
    readers = partial.stat().st_mode
    try:
        yield partial
        # Some libraries hide what they write from other users of the machine.
        partial.chmod(readers)
        _to_disk(partial)
        partial.replace(path)
    except OSError as error:
        raise UnwritableError(path, error) from error
    finally:
        partial.unlink(missing_ok=True)
    _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
