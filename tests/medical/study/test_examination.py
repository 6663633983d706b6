"""One look at a study finds what is wrong with its files, patients, images and masks."""

from pathlib import Path

import numpy as np
import pytest

from medical.study.examination import Examination, examine
from tests.medical.scans.scan_files import stack_of, write_series
from tests.medical.study.studies import (
    disc,
    noise,
    settings,
    write_picture,
    write_pictures,
    write_scans,
)


def names_of(examination: Examination, severity: str = "fatal") -> list[str]:
    """Of the findings of one severity."""
    return [f.name for f in examination.findings.found if f.severity == severity]


def test_a_good_study_is_ready(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b", "c", "d")

    examination = examine(settings(root))

    assert examination.findings.ready, examination.findings
    assert len(examination.survey.facts) == 4
    assert examination.resolved is not None


def test_scans_and_series_are_examined(tmp_path: Path) -> None:
    scans = examine(settings(write_scans(tmp_path / "scans", "a", "b", "c")))
    for number in range(3):
        pixels = stack_of(2) // 2 + 8 * noise((2, 128, 128), number)
        write_series(tmp_path / "ct/images" / f"p{number}", pixels)
        for place in range(2):
            mask = tmp_path / f"ct/masks/p{number}/IM{place:04d}.png"
            write_picture(mask, disc((128, 128), 12, place))
    series = examine(settings(tmp_path / "ct"))

    assert scans.findings.ready, scans.findings
    assert series.findings.ready, series.findings
    assert series.resolved is not None
    assert (series.resolved.modality, series.resolved.preprocess.plane) == ("ct", "axial")


def test_what_would_spoil_the_training_is_found_in_one_go(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, *"abcdef")
    (root / "images/a.png").write_bytes(b"")
    write_picture(root / "masks/b.png", np.full((48, 64), 77, np.uint8))
    (root / "images/d.png").write_bytes((root / "images/c.png").read_bytes())

    examination = examine(settings(root, modality="ct"))

    assert not examination.findings.ready
    assert names_of(examination) == [
        "undeclared values",
        "unusable files",
        "duplicates across patients",
        "no CT",
    ]


def test_where_nothing_can_be_read_nothing_is_decided(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b")
    for image in (root / "images").iterdir():
        image.write_bytes(b"")

    examination = examine(settings(root))

    assert examination.resolved is None
    assert names_of(examination) == ["unusable files"]


@pytest.mark.parametrize("spacings", [(1.0, 1.0, 2.0), (1.0, 1.0, 1.2)])
def test_mixed_spacing_is_seen_in_the_files(spacings: tuple[float, ...], tmp_path: Path) -> None:
    for number, spacing in enumerate(spacings):
        part = tmp_path / f"part{number}"
        write_scans(part, *(f"s{k}" for k in range(number + 1)), spacing=spacing)

    fatal = names_of(examine(settings(tmp_path, patient=r"(part\d)")))

    assert ("mixed spacing" in fatal) is (max(spacings) == 2)
