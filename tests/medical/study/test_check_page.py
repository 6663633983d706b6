"""The page says first whether a study is ready, what to mend, and shows what the cases are like."""

import re
from pathlib import Path

import numpy as np
import pytest

from medical.study.check_page import check_page, decided
from medical.study.examination import examine
from medical.study.proposal import resolve
from tests.medical.study.studies import (
    scan_of,
    settings,
    write_picture,
    write_pictures,
    write_scans,
)


def test_a_ready_study_says_so_and_shows_everything(tmp_path: Path) -> None:
    examination = examine(settings(write_scans(tmp_path, "a", "b", "c")))

    page = check_page(examination, name="brain", yaml="zoom: 4\n")

    assert page.title == "brain: ready to train"
    assert [section.name for section in page.sections] == [
        *("findings", "settings", "pictures", "classes", "lesions", "intensities", "sizes", "cases")
    ]
    text = page.html()
    assert "Nothing was found that would spoil a training" in text
    assert "zoom: 4" in text


def test_what_to_mend_stands_above_with_its_fix(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b", "c", "d")
    write_picture(root / "masks/a.png", np.full((48, 64), 7, np.uint8))
    (root / "images/d.png").write_bytes((root / "images/c.png").read_bytes())

    page = check_page(examine(settings(root)), name="x", yaml="")

    assert page.title == "x: not ready to train"
    above = "".join(block.html() for block in page.head)
    assert "class_7: 7" in above
    assert "c, d (likeness 1.00)" in above
    assert [section.name for section in page.sections][2] == "duplicates"
    assert page.html()


def test_a_study_of_damaged_files_has_a_page(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b")
    for image in (root / "images").iterdir():
        image.write_bytes(b"")

    page = check_page(examine(settings(root)), name="x", yaml="")

    assert [section.name for section in page.sections] == ["findings"]


def test_what_names_hold_cannot_become_code(tmp_path: Path) -> None:
    name = "<script>alert(1)<"
    root = write_pictures(tmp_path, name, "b")

    text = check_page(examine(settings(root)), name=name, yaml=name).html()

    assert name not in text
    assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize(
    "changes", [{}, {"modality": "ct", "window": (-10.0, 90.0), "spacing": 0.5}]
)
def test_each_decision_has_a_reason(changes: dict[str, object]) -> None:
    resolved = resolve(settings(**changes), [scan_of()])

    values = decided(resolved)

    assert {*values} == {*resolved.reasons}
    assert re.fullmatch(r"window -10 to 90|zscore", values["intensity"])
