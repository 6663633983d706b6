"""A file is whole or as it was, whatever happens while it is written."""

import os
from pathlib import Path

import pytest

from lumbar.files import UnwritableError, atomic_write


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - hidden files count


def test_what_the_system_refuses_to_write_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path):
            Path("/dev/full").write_text("never")

    with pytest.raises(
        UnwritableError, match=rf"^{path}: cannot be written \(.*No space left"
    ) as told:
        write()
    assert isinstance(told.value, ValueError)
    assert isinstance(told.value, OSError)
    assert path.read_text() == "old"


def test_others_may_read_what_was_written_in_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_write(path) as partial:
        partial.unlink()
        partial.touch(mode=0o600)
    (tmp_path / "ordinary").touch()

    assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_file_replaces_the_old_one_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    for text in ("first", "second"):
        with atomic_write(path) as partial:
            partial.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
