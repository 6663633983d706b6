"""A cache of annotations that processes map: one reads and checks, ranks, loader workers and later runs share pages."""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from lumbar.data.categories import Categories
from lumbar.data.records import Annotations, Repair
from lumbar.files import atomic_write

_log = logging.getLogger(__name__)

# Part of the name of every file: a change here makes all of them stale.
_FORMAT = 1
# Less is read in a fifth of a second, and is not worth a file.
_SMALL = 10 * 2**20
_DIGEST = hashlib.sha256().digest_size
_WORD = 8


@dataclass(frozen=True, kw_only=True)
class _MappedAnnotations(Annotations):
    """Annotations of the cache; pickled, they are the name of their file."""

    file: Path

    def __reduce__(self) -> tuple[Callable[[Path], Annotations], tuple[Path]]:
        return _map, (self.file,)


def read_once(source: Path, images: Path, read: Callable[[], Annotations]) -> Annotations:
    """Returns what `read` makes of a file, from the cache if the file was read before.

    The cache lies in `cache_folder()`, and may be deleted whenever nothing runs. A file is known by its path, size and
    times; one that was changed is read anew. Of several processes one reads, and the others wait for it. Without a
    cache that can be written, every process reads.

    Args:
        source: The annotation file; small ones are always read.
        images: Folder of its images, where `read` may look for what the file lacks.
        read: Reads and checks the file.

    Raises:
        ValueError: If `read` does.
    """
    if not source.is_file() or source.stat().st_size < _SMALL:
        return read()
    try:
        file = _place(source, images)
        return _mapped(file) or _made(file, source, read)
    # Without a home, or without locks on its file system, that is a RuntimeError.
    except (OSError, RuntimeError) as error:
        _log.warning(
            "%s is read anew in each run, as it cannot be cached: %s: set LUMBAR_CACHE to a folder",
            source,
            error,
        )
        return read()


def cache_folder() -> Path:
    """The folder of all caches: `$LUMBAR_CACHE`, else `$XDG_CACHE_HOME/lumbar`, else `~/.cache/lumbar`.

    Raises:
        RuntimeError: The user has no home.
    """
    own, shared = os.environ.get("LUMBAR_CACHE"), os.environ.get("XDG_CACHE_HOME")
    return Path(own) if own else (Path(shared) if shared else Path.home() / ".cache") / "lumbar"


def _place(source: Path, images: Path) -> Path:
    """The file in the cache; its name changes with whatever could change its content."""
    status = source.stat()
    times = (status.st_mtime_ns, status.st_ctime_ns)
    known = (_FORMAT, source.resolve(), images.resolve(), status.st_size, *times)
    name = hashlib.sha256("\n".join(map(str, known)).encode()).hexdigest()[:32]
    return cache_folder() / f"{source.stem}-{name}.annotations"


def _mapped(file: Path) -> Annotations | None:
    """What a file of the cache holds; None if it is missing or damaged."""
    try:
        content = np.memmap(file, dtype=np.uint8, mode="r")
    except (OSError, ValueError):  # missing, or empty
        return None
    if hashlib.sha256(content[:-_DIGEST].data).digest() == content[-_DIGEST:].tobytes():
        return _map(file)
    _log.warning("%s is damaged, and is made anew", file)
    return None


def _made(file: Path, source: Path, read: Callable[[], Annotations]) -> Annotations:
    """Writes the file of the cache, unless another process does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        found = _mapped(file)
        if found is None:
            megabytes = source.stat().st_size / 1e6
            _log.info("reading %s (%.0f MB) once; later runs map %s", source, megabytes, file)
            _write(file, read())
            found = _map(file)
        return found


def _write(file: Path, annotations: Annotations) -> None:
    head = {"categories": annotations.categories.to_dict(), "repairs": annotations.repairs}
    text = json.dumps(head).encode()
    # Filled up so that the arrays behind it start at whole words.
    text += b" " * (-len(text) % _WORD)
    content = BytesIO()
    for block in (np.frombuffer(text, dtype=np.uint8), annotations.images, annotations.objects):
        np.lib.format.write_array(content, block, allow_pickle=False)
    with atomic_write(file) as partial:
        partial.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def _map(file: Path) -> Annotations:
    """Maps a file that `_write` has written, and somebody has checked."""
    with file.open("rb") as content:
        text, images, objects = (_map_block(content) for _ in range(3))
    head = json.loads(text.tobytes())
    return _MappedAnnotations(
        file=file,
        images=images,
        objects=objects,
        categories=Categories.from_dict(head["categories"]),
        repairs={what: Repair(*repair) for what, repair in head["repairs"].items()},
    )


def _map_block(content: BinaryIO) -> NDArray[Any]:
    np.lib.format.read_magic(content)
    shape, _, dtype = np.lib.format.read_array_header_1_0(content)
    start = content.tell()
    block = np.memmap(content, dtype=dtype, mode="r", offset=start, shape=shape)
    content.seek(start + block.nbytes)
    return np.asarray(block)
