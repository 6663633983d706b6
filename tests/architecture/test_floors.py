"""A room imports only from lower floors, and inside a room files import leftwards."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import (
    PACKAGES,
    ROOMS,
    ROOT,
    SCRIPTS,
    imports,
    parsed,
    room_of,
    sources,
)

PACKAGED = [room for room in ROOMS if room.startswith(PACKAGES)]
ORDER = re.compile(r"In [\w-]+ order: (.+?)\.\s*$", re.DOTALL)
ASIDES = re.compile(r"\([^)]*\)|\band\b")


def order_of(room: str) -> list[str]:
    """The files of a room as the last sentence of its `__init__` docstring lists them."""
    docstring = ast.get_docstring(parsed(Path(room, "__init__.py"))) or ""
    sentence = ORDER.search(docstring)
    assert sentence, f'{room}/__init__.py must end its docstring with "In ... order: a, b, c."'
    return re.findall(r"[a-z]\w*", ASIDES.sub("", sentence[1]))


def may_import(here: str | None, there: str | None) -> bool:
    """What is in no room (`lumbar.schema`) lies below all floors; other libraries are in no room, too."""
    return there is None or here == there or (here is not None and ROOMS[there] < ROOMS[here])


def test_rooms_import_only_from_lower_floors() -> None:
    upward = [
        f"{file}:{line}: {name}"
        for file in sources(*PACKAGES, *SCRIPTS)
        for name, line in imports(file)
        if not may_import(room_of(str(file)), room_of(name))
    ]

    assert not upward


def test_nothing_imports_the_scripts_or_tests_of_others() -> None:
    wrong = [
        f"{file}:{line}: {name}"
        for file in sources(*PACKAGES, *SCRIPTS)
        for name, line in imports(file)
        if name.split(".")[0] in {*SCRIPTS, "tests"} - {file.parts[0]}
    ]

    assert not wrong


@pytest.mark.parametrize("room", PACKAGED)
def test_the_order_of_a_room_names_each_of_its_files_once(room: str) -> None:
    names = order_of(room)

    assert {*names} == {path.stem for path in (ROOT / room).glob("*.py")} - {"__init__", "__main__"}
    assert len(names) == len({*names})


@pytest.mark.parametrize("room", PACKAGED)
def test_files_of_a_room_import_leftwards(room: str) -> None:
    order = {name: place for place, name in enumerate(order_of(room))}
    depth = len(Path(room).parts)
    rightwards = [
        f"{file}:{line}: {name}"
        for file in sources(room)
        for name, line in imports(file)
        if room_of(name) == room and name.count(".") >= depth
        if order.get(name.split(".")[depth], -1) >= order.get(file.stem, len(order))
    ]

    assert not rightwards


@pytest.mark.parametrize(
    "module",
    [
        "lumbar.training.load",
        "lumbar.tasks.settings",
        *("detection.config", "detection.presets", "detection.commands"),
        *("segmentation.config", "segmentation.commands"),
        *("classification.config", "classification.commands"),
        *("medical.study.config", "medical.commands"),
        *(
            f"lumbar.commands.{command}"
            for command in ("study", "predict", "export", "convert_weights")
        ),
    ],
)
def test_settings_and_commands_import_no_torch(module: str) -> None:
    """So that --help and mistakes in a config answer at once."""
    code = f"import sys, {module}; sys.exit(' '.join({{'torch', 'lightning'}} & {{*sys.modules}}) or 0)"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
