"""The scans that a command line stands for, and the names of what is made of them."""

import re
from collections.abc import Iterator, Sequence
from glob import glob
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from lumbar.data.image_io import opened
from medical.scans.read import scan_kind

_CHANNEL = re.compile(r"(.+)_(\d{4})")
_COMPRESSED = ".nii.gz"


class Source(NamedTuple):
    """Where one scan is."""

    name: str
    """Of what is made of it, without suffix; no two are the same."""
    files: tuple[Path, ...]
    """For `read_volume`: one file or folder of a DICOM series, or a file for each channel."""


def find_sources(
    patterns: Sequence[str], *, channels: int, outside: Sequence[Path] = ()
) -> list[Source]:
    """Finds scans and pictures.

    Args:
        patterns: Files, folders of DICOM files, folders with any of these at any depth, and globs.
        channels: Of a scan; so many files `NAME_0000`, `NAME_0001` and so on, as nnU-Net calls them, are one.
        outside: Folders whose files are left out: what was made of scans before.

    Returns:
        The scans in order, each once.

    Raises:
        ValueError: A pattern matches no scan.
    """
    left_out = {folder.resolve() for folder in outside}
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = [path for path in _matches(pattern) if not left_out & {*path.resolve().parents}]
        if not matches:
            raise ValueError(
                f"{pattern}: no scan there (a picture, .nii, .nii.gz, .dcm, a folder of such, or a glob)"
            )
        found.update(dict.fromkeys(matches))
    return _named(_joined([*found], channels))


def stem(path: Path) -> str:
    """The name of a file without its type, that of a folder as it is."""
    if path.is_dir():
        return path.name
    is_compressed = path.name.lower().endswith(_COMPRESSED)
    return path.name[: -len(_COMPRESSED)] if is_compressed else path.stem


def _matches(pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_dir():
        return [*_scans(path)]
    if path.is_file():  # of whatever kind: what is wrong with it is told when it is read
        return [path]
    paths = map(Path, sorted(glob(pattern)))  # noqa: PTH207 - absolute patterns too
    return [match for match in paths if scan_kind(match)]


def _scans(folder: Path) -> Iterator[Path]:
    """The scans of a folder, which may be a series itself."""
    if scan_kind(folder):
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):  # what macOS and editors leave behind
            continue
        if path.is_dir():
            yield from _scans(path)
        elif scan_kind(path):
            yield path


def _joined(paths: Sequence[Path], channels: int) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """Puts the files of channels together; a name, and the files, of each scan."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        match = _CHANNEL.fullmatch(stem(path)) if path.is_file() else None
        groups.setdefault((path.parent, match[1]) if match else (path, ""), []).append(path)
    for (_, name), files in groups.items():
        numbered = [f"{name}_{number:04}" for number in range(channels)]
        if sorted(map(stem, files)) == numbered and not _is_coloured(files[0]):
            yield name, tuple(sorted(files))
        else:
            yield from ((stem(file), (file,)) for file in files)


def _is_coloured(path: Path) -> bool:
    """Whether a picture has all channels in one file: `IMG_0000.jpg` is called so by its camera."""
    if scan_kind(path) != "picture":
        return False
    try:
        with opened(path) as image:
            return len(image.getbands()) > 1 or image.mode == "P"
    except ValueError:
        return False  # which is told when it is read


def _named(scans: Iterator[tuple[str, tuple[Path, ...]]]) -> list[Source]:
    """Numbers those of the same name in different folders."""
    sources: dict[str, Source] = {}
    for name, files in scans:
        numbered = (f"{name}-{number}" for number in count(2))
        free = next(each for each in chain([name], numbered) if each not in sources)
        sources[free] = Source(free, files)
    return [*sources.values()]
