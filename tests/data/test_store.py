"""A large annotation file is read once; whatever else happens, what comes from the cache is what the file says."""

import logging
import os
import pickle
import time
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from lumbar.data.records import Annotations, Records
from lumbar.data.store import read_once
from tests.data.readers import LARGE, make_annotations, read, read_at, times_read, write_source


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LUMBAR_CACHE", str(folder))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A large file."""
    return write_source(tmp_path / "instances.json")


def check_same(found: Annotations, expected: Annotations) -> None:
    """All that annotations hold is the same."""
    np.testing.assert_array_equal(found.images, expected.images)
    np.testing.assert_array_equal(found.objects, expected.objects)
    assert (found.categories, found.repairs) == (expected.categories, expected.repairs)


def cached_file(cache: Path) -> Path:
    """The one file of the cache."""
    [file] = cache.glob("*.annotations")
    return file


def test_a_file_is_read_once(source: Path) -> None:
    for _ in range(3):
        check_same(read(source), make_annotations(5))

    assert times_read(source) == 1


def test_annotations_without_images_or_objects_come_back(source: Path) -> None:
    some = make_annotations(5)
    for nothing in (replace(some, objects=some.objects[:0]), replace(some, images=some.images[:0])):
        write_source(source)
        for _ in range(2):
            check_same(read_once(source, source, partial(replace, nothing)), nothing)


def test_the_first_reading_is_announced(source: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        read(source)
        read(source)

    [message] = caplog.messages
    assert message.startswith(f"reading {source} (10 MB) once")


@pytest.mark.parametrize("size", [LARGE, LARGE + 1])
def test_a_changed_file_is_read_anew(size: int, source: Path) -> None:
    read(source)
    before = source.stat()
    source.write_text("7".ljust(size))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))

    check_same(read(source), make_annotations(7))


def test_the_same_file_with_other_images_is_read_anew(source: Path, tmp_path: Path) -> None:
    read(source)

    other = make_annotations(9)
    check_same(read_once(source, tmp_path / "images", lambda: other), other)


def test_small_files_are_not_kept(source: Path, cache: Path) -> None:
    source.write_text("5".ljust(LARGE - 1))
    for _ in range(2):
        check_same(read(source), make_annotations(5))

    assert times_read(source) == 2
    assert not cache.exists()


@pytest.mark.parametrize("place", [0, 40, 300, -3000, -1])
def test_a_changed_byte_is_noticed(
    place: int, source: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(source)
    content = bytearray(cached_file(cache).read_bytes())
    content[place] ^= 1
    cached_file(cache).write_bytes(content)

    check_same(read(source), make_annotations(5))
    check_same(read(source), make_annotations(5))

    assert times_read(source) == 2
    assert [message for message in caplog.messages if "is damaged" in message]


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_half_a_file_is_noticed(length: int, source: Path, cache: Path) -> None:
    read(source)
    cached_file(cache).write_bytes(cached_file(cache).read_bytes()[:length])

    check_same(read(source), make_annotations(5))
    assert times_read(source) == 2


def test_what_cannot_be_kept_is_read_each_time(
    source: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file, where a folder should be")

    for _ in range(2):
        check_same(read(source), make_annotations(5))

    assert times_read(source) == 2
    assert f"{source} is read anew in each run" in caplog.text
    assert "set LUMBAR_CACHE" in caplog.text


def test_a_file_with_mistakes_leaves_nothing(source: Path, cache: Path) -> None:
    source.write_text("no number".ljust(LARGE))
    for _ in range(2):
        with pytest.raises(ValueError, match="no number"):
            read(source)

    assert times_read(source) == 2
    assert not list(cache.glob("*.annotations"))


def test_of_several_processes_one_reads(source: Path) -> None:
    context = get_context("spawn")
    start = time.time() + 2
    processes = [context.Process(target=read_at, args=(start, source)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]
    check_same(read(source), make_annotations(5))
    assert times_read(source) == 1


def test_workers_get_the_name_of_the_file(source: Path) -> None:
    records = Records.whole(read(source), Path("images"), source="data.train")
    changed = replace(records.with_boxes().first(4), numbers=np.array([1, 0]))

    for sent in (records, changed):
        pickled = pickle.dumps(sent)
        received = pickle.loads(pickled)
        assert len(pickled) < sent.annotations.objects.nbytes
        for mine, theirs in zip(sent, received, strict=True):
            assert mine.path == theirs.path
            np.testing.assert_array_equal(mine.boxes, theirs.boxes)
            np.testing.assert_array_equal(mine.labels, theirs.labels)


def test_nobody_can_change_what_all_share(source: Path) -> None:
    read(source)

    record = Records.whole(read(source), source.parent, source="data.train")[0]

    with pytest.raises(ValueError, match="read-only"):
        record.raw_boxes[:] = 0
    record.boxes[:] = 0


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"LUMBAR_CACHE": "own", "XDG_CACHE_HOME": "shared"}, "own"),
        ({"XDG_CACHE_HOME": "shared", "HOME": "home"}, "shared/lumbar"),
        ({"LUMBAR_CACHE": "", "HOME": "home"}, "home/.cache/lumbar"),
    ],
)
def test_the_cache_lies_where_the_user_says(
    variables: dict[str, str],
    folder: str,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LUMBAR_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value and str(tmp_path / value))

    read(source)

    assert list((tmp_path / folder).glob("instances-*.annotations"))
