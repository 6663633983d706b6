"""Cases that cannot be used are told together where they are alike, each file by its name."""

from pathlib import Path

import numpy as np

from medical.study.cases import find_study
from medical.study.facts import survey
from medical.study.file_findings import file_findings
from medical.study.finding import Finding
from tests.medical.scans.scan_files import write_scan
from tests.medical.study.studies import settings, write_picture, write_pictures, write_scans


def found_in(root: Path) -> dict[str, Finding]:
    """Findings of a study, by the first file that they name."""
    study = find_study(settings(root))
    return {
        finding.where[0]: finding for finding in file_findings(study, survey(study, settings(root)))
    }


def test_good_files_are_not_mentioned(tmp_path: Path) -> None:
    assert not found_in(write_pictures(tmp_path, "a", "b"))


def test_undeclared_values_are_counted_over_all_masks(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b", "c")
    for name, count in (("a", 5), ("b", 6)):
        values = np.zeros((48, 64), np.uint8)
        values[0, :count] = 255
        write_picture(root / f"masks/{name}.png", values)

    (finding,) = found_in(root).values()

    assert (finding.severity, finding.name) == ("fatal", "undeclared values")
    assert "2 masks have values that stand for no class: 255 (11 pixels)" in finding.what
    assert finding.where == tuple(str(root / f"masks/{name}.png") for name in "ab")
    assert "`classes: {background: 0, tumour: 1, class_255: 255}`" in finding.fix


def test_alike_faults_are_one_finding(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b", "c", "d")
    for name in "ab":
        file = root / f"images/{name}.png"
        file.write_bytes(file.read_bytes()[:-60])
    mask = root / "masks/c.png"
    mask.unlink()
    write_picture(mask.with_suffix(".jpg"), np.zeros((48, 64), np.uint8))

    found = found_in(root)

    assert len(found) == 2
    damaged = found[str(root / "images/a.png")]
    assert damaged.where == tuple(str(root / f"images/{name}.png") for name in "ab")
    assert damaged.what.startswith("2 cases cannot be used")
    lossy = found[str(mask.with_suffix(".jpg"))]
    assert "JPEG" in lossy.what
    assert str(root) not in lossy.what
    assert {finding.severity for finding in found.values()} == {"fatal"}


def test_a_mask_in_another_place_is_told_with_millimetres(tmp_path: Path) -> None:
    root = write_scans(tmp_path, "a", "b")
    affine = np.diag([1.0, 1, 2.5, 1])
    affine[:3, 3] = 4, 0, 3
    write_scan(root / "labels/a.nii.gz", np.zeros((20, 24, 6), np.uint8), affine)

    (finding,) = found_in(root).values()

    assert finding.where == (str(root / "labels/a.nii.gz"),)
    assert "5 mm apart" in finding.what
    assert "does not fit a.nii.gz" in finding.what
