"""The files of this project that one of its modules needs, found by reading what they import."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder that the packages lie in, of a checkout or of an installation."""
_PACKAGES = ("medical", "lumbar", "segmentation", "detection", "backbones")


def import_closure(module: str) -> list[Path]:
    """Finds all files that are executed when a module is imported and used.

    Imports inside functions count, and so do the `__init__` files of the packages.

    Args:
        module: Dotted name of a module of this project.

    Returns:
        Paths relative to `ROOT`, sorted.
    """
    found: set[Path] = set()
    wanted = [*_files(module)]
    while wanted:
        file = wanted.pop()
        if file not in found:
            found.add(file)
            wanted += [other for name in imported(ROOT / file) for other in _files(name)]
    return sorted(found)


def imported(file: Path) -> Iterator[str]:
    """The dotted names that a file imports; `from a import b` may mean `a.b`, too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def copy_closure(module: str, folder: Path) -> list[Path]:
    """Copies a module and all files of this project that it needs, as they are.

    Args:
        module: Dotted name of the module.
        folder: Where the packages begin.

    Returns:
        The copies.
    """
    copies = []
    for file in import_closure(module):
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        copies.append(Path(shutil.copyfile(ROOT / file, target)))
    return copies


def _files(name: str) -> Iterator[Path]:
    """The files of a dotted name: those of the packages on the way to it, and its own where it is a module."""
    parts = name.split(".")
    if parts[0] not in _PACKAGES:
        return
    for length in range(1, len(parts) + 1):
        path = Path(*parts[:length])
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if (ROOT / file).is_file():
                yield file
