"""Names that are refused, and a test file for each source file."""

from pathlib import Path

from tests.architecture.tree import PACKAGES, ROOT, SCRIPTS, sources

REFUSED_FILES = {"utils", "util", "misc", "helpers", "common"}
REFUSED_FOLDERS = ("lightning", "datasets", "ops", "data", "training")
"""On top, with code in them, they would hide a library, or collide with half the world."""

SETTINGS = {"schema", "config"}
"""Declarations without code; test_configs.py reads every YAML through them."""


def home_of_test(file: Path) -> Path:
    """Where the test of an installed file stands: the tree of tests is that of the rooms."""
    rooms = [part for part in file.parent.parts if part != "lumbar"]
    return Path("tests", *rooms, f"test_{file.name}")


def test_files_are_named_by_their_idea() -> None:
    assert not [str(file) for file in sources(*PACKAGES, *SCRIPTS) if file.stem in REFUSED_FILES]


def test_no_folder_on_top_hides_a_library() -> None:
    assert not sources(*REFUSED_FOLDERS)


def test_each_source_file_has_a_test_file() -> None:
    assert not [
        str(file)
        for file in sources(*PACKAGES)
        if file.stem not in SETTINGS | {"__init__"} and not (ROOT / home_of_test(file)).is_file()
    ]


def test_each_tool_is_run_by_a_test() -> None:
    tests = [(ROOT / test).read_text(encoding="utf-8") for test in sources("tests/end_to_end")]

    assert not [
        str(tool)
        for tool in sources("tools")
        if not any(f'"{tool.stem}"' in text for text in tests)
    ]


def test_packages_tell_type_checkers_that_they_are_typed() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)
