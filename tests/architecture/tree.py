"""The tree of the project, as the architecture tests walk it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FLOORS = (
    ("lumbar/ops/kernels",),
    ("lumbar/ops",),
    ("lumbar/data", "lumbar/training", "backbones"),
    ("lumbar/tasks",),
    ("detection", "segmentation", "classification"),
    ("lumbar/commands",),
    ("medical/scans",),
    ("medical/scores",),
    ("medical/pages",),
    ("medical/study",),
    ("medical/learning",),
    ("medical/report",),
    ("medical/delivery",),
    ("medical",),
    ("tools", "benchmarks"),
)
"""Rooms from the ground up; a room imports only from lower floors."""

ROOMS = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
"""The floor of each room."""

PACKAGES = ("lumbar", "backbones", "detection", "segmentation", "classification", "medical")
"""What is installed."""

SCRIPTS = ("tools", "benchmarks")
"""What is run from a checkout, and never imported."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> list[Path]:
    """Python files below these folders, relative to the root."""
    return sorted(
        file.relative_to(ROOT) for folder in folders for file in (ROOT / folder).rglob("*.py")
    )


@cache
def parsed(file: Path) -> ast.Module:
    """The syntax tree of a file of the project."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), filename=str(file))


def functions(*folders: str) -> Iterator[tuple[str, Function]]:
    """Every function and method below these folders, nested ones too, each with its place and name."""
    for file in sources(*folders):
        for node in ast.walk(parsed(file)):
            if isinstance(node, Function):
                yield f"{file}:{node.lineno}: {node.name}", node


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Modules that a file imports, with their lines; `from a import b` imports `a`, and `a.b` if that is a module."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}", node.lineno
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((name, node.lineno) for name in inner if _is_module(name))


def room_of(name: str) -> str | None:
    """The room of a path or of a dotted name, None for what is in no room."""
    parts = name.replace(".", "/").split("/")
    candidates = ("/".join(parts[:length]) for length in (3, 2, 1))
    return next((room for room in candidates if room in ROOMS), None)


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()
