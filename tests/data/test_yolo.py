"""The YOLO reader: fractions become pixels, names come from where tools put them, faults name file and line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lumbar.data.records import Records
from lumbar.data.yolo import read_yolo

WIDTH, HEIGHT = 50, 40


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Images b and sub/a, of which the latter has no objects, and the names of three classes."""
    (tmp_path / "labels" / "train").mkdir(parents=True)
    for name in ("b.png", "sub/a.jpg"):
        path = tmp_path / "images" / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(path)
    (tmp_path / "labels" / "train" / "b.txt").write_text("2 0.5 0.5 1 1\n\n0 0.2 0.25 0.4 0.5\n")
    (tmp_path / "data.yaml").write_text("names: [ant, bee, cat]\n")
    return tmp_path


def read(tree: Path) -> Records:
    return read_yolo(tree / "labels" / "train", tree / "images" / "train", name="train")


def test_a_folder_is_a_split(tree: Path) -> None:
    records = read(tree)

    assert records.categories.names == ("ant", "bee", "cat")
    assert records.categories.ids == (0, 1, 2)
    assert [record.path.name for record in records] == ["b.png", "a.jpg"]
    assert [record.image_id for record in records] == [1, 2]
    assert all(record.path.is_file() and record.size == (HEIGHT, WIDTH) for record in records)
    assert [len(record.boxes) for record in records] == [2, 0]
    assert records.annotations.repairs == {}


def test_fractions_become_pixels(tree: Path) -> None:
    record = read(tree)[0]

    assert record.labels.tolist() == [2, 0]
    np.testing.assert_allclose(record.boxes, [[0, 0, 50, 40], [0, 0, 20, 20]], atol=1e-9)
    np.testing.assert_allclose(record.areas, [2000, 400])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 49), st.integers(0, 39), st.integers(1, 50), st.integers(1, 40))
def test_boxes_written_with_six_digits_come_back(
    tree: Path, left: int, top: int, width: int, height: int
) -> None:
    right, bottom = min(left + width, WIDTH), min(top + height, HEIGHT)
    centre = ((left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT)
    lengths = ((right - left) / WIDTH, (bottom - top) / HEIGHT)
    line = " ".join(f"{value:.6f}" for value in (*centre, *lengths))
    (tree / "labels" / "train" / "b.txt").write_text(f"1 {line}")

    records = read(tree)
    np.testing.assert_allclose(records[0].boxes, [[left, top, right, bottom]], atol=1e-4)
    assert records.annotations.repairs == {}


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("labels/train/classes.txt", "x\ny\nz\n"),
        ("labels/classes.txt", "x\ny\n\nz"),
        ("obj.names", "x\ny\nz\n"),
        ("data.yaml", "names: {0: x, 2: z, 1: y}\npath: ../here\n"),
        ("data.yml", "names: [x, y, z]"),
    ],
)
def test_names_are_found(place: str, content: str, tree: Path) -> None:
    (tree / "data.yaml").unlink()
    (tree / place).write_text(content)

    assert read(tree).categories.names == ("x", "y", "z")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("names: {1: x, 2: y}", "number the classes from 0"),
        ("names: 3", "must be a list"),
        ("- a", "must be a list"),
        ("names: [", "not YAML"),
        ("names: !!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_wrong_names_are_refused(content: str, message: str, tree: Path) -> None:
    (tree / "data.yaml").write_text(content)

    with pytest.raises(ValueError, match=rf"data\.yaml: .*{message}"):
        read(tree)


def test_missing_names_are_asked_for(tree: Path) -> None:
    (tree / "data.yaml").unlink()

    with pytest.raises(ValueError, match=r"no class names: write them.*labels/train/classes\.txt"):
        read(tree)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 1", "five numbers, got '0 0.5 0.5 1'"),
        ("0 0.5 0.5 1 1 0.9", "five numbers"),
        ("ant 0.5 0.5 1 1", "five numbers"),
        ("0 nan 0.5 1 1", "five numbers"),
        ("0 inf 0.5 1 1", "five numbers"),
        ("3 0.5 0.5 1 1", "class 3, but the classes are 0 to 2"),
        ("-1 0.5 0.5 1 1", "class -1"),
        ("0.5 0.5 0.5 1 1", "class 0.5"),
    ],
)
def test_wrong_lines_are_named(line: str, message: str, tree: Path) -> None:
    (tree / "labels" / "train" / "b.txt").write_text(f"1 0.5 0.5 0.1 0.1\n{line}\n")

    with pytest.raises(ValueError, match=rf"b\.txt:2: .*{message}"):
        read(tree)


def test_a_text_file_without_image_is_named(tree: Path) -> None:
    (tree / "labels" / "train" / "c.txt").write_text("")

    with pytest.raises(ValueError, match=r"c\.txt: no image of this name in .*images/train"):
        read(tree)


def test_a_folder_without_images_is_named(tree: Path) -> None:
    with pytest.raises(ValueError, match="labels/train: no image files"):
        read_yolo(tree / "labels" / "train", tree / "labels" / "train", name="train")
