"""The images that a command line stands for, and the names of what is made of them."""

from collections.abc import Sequence
from glob import glob
from itertools import chain, count
from pathlib import Path

from lumbar.data.image_io import is_image_file, list_images


def find_images(patterns: Sequence[str], *, outside: Sequence[Path]) -> list[Path]:
    """Finds the images that files, folders and globs stand for.

    Args:
        patterns: As on the command line.
        outside: Folders whose files are left out: what was made of images before.

    Returns:
        The files in order, each once.

    Raises:
        ValueError: If a pattern matches no image.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = [path for path in _matches(pattern) if not {*outside} & {*path.parents}]
        if not matches:
            raise ValueError(f"{pattern}: no image there (a file, a folder of images, or a glob)")
        found.update(dict.fromkeys(matches))
    return list(found)


def names_for(files: Sequence[Path]) -> list[str]:
    """A name without suffix for each file; those of the same name in different folders are numbered."""
    names: dict[str, None] = {}
    for file in files:
        numbered = (f"{file.stem}-{number}" for number in count(2))
        free = (name for name in chain([file.stem], numbered) if name not in names)
        names[next(free)] = None
    return list(names)


def _matches(pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_dir():
        return [path / name for name in list_images(path)]
    if path.is_file():
        return [path]
    paths = map(Path, sorted(glob(pattern)))  # noqa: PTH207 - absolute patterns too
    return [match for match in paths if is_image_file(match)]
