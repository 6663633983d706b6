"""The VOC reader: coordinates from 1 become boxes from 0, lists choose images, hostile XML is refused."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lumbar.data.voc import read_voc

SIZE = "<size><width>50</width><height>40</height></size>"


def item(name: str, box: tuple[float, ...], difficult: str = "0") -> str:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    corners = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult>"
        f"<part><name>tail</name></part><bndbox>{corners}</bndbox></object>"
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three images, of which the second is a PNG without objects and the third has no size in its XML."""
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    write(tmp_path, "a", SIZE, item("dog", (1, 1, 50, 40)), item("cat", (3, 4, 12, 23), "1"))
    write(tmp_path, "b", SIZE, suffix=".png")
    write(tmp_path, "c", item("ant", (11, 11, 20, 20)))
    return tmp_path


def write(tree: Path, stem: str, *parts: str, suffix: str = ".jpg") -> None:
    Image.new("RGB", (50, 40)).save(tree / "JPEGImages" / f"{stem}{suffix}")
    name = f"<filename>{stem}.jpg</filename>"
    text = f"<annotation>{name}{''.join(parts)}</annotation>"
    (tree / "Annotations" / f"{stem}.xml").write_text(text)


def test_a_folder_is_a_split(tree: Path) -> None:
    records = read_voc(tree / "Annotations", tree / "JPEGImages", name="train")

    assert records.categories.names == ("ant", "cat", "dog")
    assert records.categories.ids == (1, 2, 3)
    assert [record.path.name for record in records] == ["a.jpg", "b.png", "c.jpg"]
    assert [record.image_id for record in records] == [1, 2, 3]
    assert all(record.path.is_file() and record.size == (40, 50) for record in records)
    assert records.annotations.repairs == {
        "images without height or width: read from the file": (1, "c.xml")
    }


def test_the_first_pixel_is_number_one_and_the_last_is_inside(tree: Path) -> None:
    record = read_voc(tree / "Annotations", tree / "JPEGImages", name="train")[0]

    assert record.boxes.tolist() == [[0, 0, 50, 40], [2, 3, 12, 23]]
    assert record.raw_boxes.tolist() == [[0, 0, 50, 40], [2, 3, 10, 20]]
    assert record.areas.tolist() == [2000, 200]
    assert record.labels.tolist() == [2, 1]


def test_difficult_objects_are_crowds(tree: Path) -> None:
    record = read_voc(tree / "Annotations", tree / "JPEGImages", name="train")[0]

    assert record.crowd.tolist() == [False, True]


@pytest.mark.parametrize("place", ["ImageSets/Main/train.txt", "train.txt"])
def test_a_list_chooses_images_but_not_classes(place: str, tree: Path) -> None:
    (tree / place).write_text("c\n\na\nc\n")
    records = read_voc(tree / place, tree / "JPEGImages", name="train")

    assert [record.path.name for record in records] == ["c.jpg", "a.jpg"]
    assert records.categories.names == ("ant", "cat", "dog")
    assert records[0].labels.tolist() == [0]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 49), st.integers(0, 39), st.integers(1, 50), st.integers(1, 40))
def test_whole_boxes_inside_the_image_come_back(
    tree: Path, left: int, top: int, width: int, height: int
) -> None:
    right, bottom = min(left + width, 50), min(top + height, 40)
    write(tree, "a", SIZE, item("dog", (left + 1, top + 1, right, bottom)))
    record = read_voc(tree / "Annotations", tree / "JPEGImages", name="train")[0]

    assert record.boxes.tolist() == [[left, top, right, bottom]]
    assert record.usable.all()


FAULTS = {
    "bomb": (
        '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><annotation>&y;</annotation>',
        "<!DOCTYPE",
    ),
    "outside file": (
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation></annotation>',
        "<!DOCTYPE",
    ),
    "entity": ("<annotation>&x;</annotation>", "not XML: undefined entity"),
    "cut off": ("<annotation><object>", "not XML"),
    "no name": ("<annotation><object></object></annotation>", "no <name>"),
    "no box": ("<annotation><object><name>a</name></object></annotation>", "bndbox/xmin"),
    "no number": (f"<annotation>{item('a', (1, 2, float('nan'), 4))}</annotation>", "'nan'"),
    "leaves": ("<annotation><filename>../a.jpg</filename></annotation>", "leads out of"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_the_file(fault: str, tree: Path) -> None:
    content, message = FAULTS[fault]
    (tree / "Annotations" / "b.xml").write_text(content)

    with pytest.raises(ValueError, match=rf"b\.xml: .*{message}"):
        read_voc(tree / "Annotations", tree / "JPEGImages", name="train")


def test_missing_files_are_named(tree: Path) -> None:
    images = tree / "JPEGImages"
    listing = tree / "train.txt"
    listing.write_text("a\nz\n")
    with pytest.raises(ValueError, match=r"train\.txt: no such file: .*z\.xml"):
        read_voc(listing, images, name="train")

    (images / "b.png").unlink()
    with pytest.raises(ValueError, match=r"b\.xml: no image 'b\.jpg' in .*JPEGImages"):
        read_voc(tree / "Annotations", images, name="train")
    with pytest.raises(ValueError, match="JPEGImages: no XML files"):
        read_voc(images, images, name="train")


def test_a_list_far_from_its_annotations_is_said(tmp_path: Path) -> None:
    listing = tmp_path / "train.txt"
    listing.write_text("a\n")

    with pytest.raises(ValueError, match=rf"no folder of XML files.*{tmp_path}/Annotations"):
        read_voc(listing, tmp_path, name="train")
