"""What is measured of a case is what is in its files; a damaged one stops nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.scans.read import read_volume
from medical.study.cases import Case, Study, find_study
from medical.study.facts import PERCENTILES, CaseFacts, data_hash, survey
from tests.medical.scans.scan_files import nib, stack_of, stored, write_scan, write_series
from tests.medical.study.studies import (
    PARSED,
    case_of,
    disc,
    noise,
    scan_of,
    settings,
    write_picture,
    write_pictures,
    write_scans,
)


def facts_for(case: Case, classes: PixelClasses = PARSED, **changes: str) -> CaseFacts:
    """Of a study of one case."""
    found = survey(Study((case,), classes), settings(**changes), progress=False)
    assert not found.damaged, found.damaged
    return found.facts[0]


def test_a_hippocampus_is_measured_as_nibabel_reads_it(shared_data: Path) -> None:
    image = min((shared_data / "hippocampus/images").iterdir())
    mask = shared_data / "hippocampus/labels" / image.name
    classes = PixelClasses.parse({"background": 0, "anterior": 1, "posterior": 2})
    volume = read_volume([image])
    truth = read_volume([mask]).pixels

    facts = facts_for(case_of(image, mask), classes)

    assert facts.shape == volume.shape
    assert (facts.spacing, facts.plane, facts.orientation) == ((1, 1, 1), "axial", "RAS")
    assert facts.voxels == tuple((truth == label).sum() for label in range(3))
    assert facts.foreground == (truth > 0).sum()
    assert facts.values[0] == pytest.approx(volume.pixels.min(), rel=1e-5)
    assert facts.values[PERCENTILES.index(50)] == pytest.approx(np.median(volume.pixels), rel=1e-5)
    assert facts.foreground_values is not None
    tissue = volume.pixels[truth > 0]
    assert facts.foreground_values[PERCENTILES.index(99.5)] == pytest.approx(
        np.percentile(tissue, 99.5), rel=1e-5
    )
    assert all(10 < max(lesion.across for lesion in own) < 25 for own in facts.lesions)


def test_facts_are_plain_values(tmp_path: Path) -> None:
    root = write_scans(tmp_path, "a")

    facts = survey(find_study(settings(root)), settings(root)).facts[0]

    again = json.loads(json.dumps(facts.to_dict(), allow_nan=False))
    assert again["shape"] == [6, 24, 20]
    assert again["lesions"] == [[[facts.lesions[0][0].across, facts.foreground]]]


def test_a_colour_picture_of_greys_is_known(tmp_path: Path) -> None:
    grey = noise((24, 24, 1), 0).repeat(3, axis=2)
    coloured = np.dstack([noise((24, 24), seed) for seed in range(3)])
    mask = write_picture(tmp_path / "mask.png", disc((24, 24), 5))

    found = [
        facts_for(case_of(write_picture(tmp_path / f"{k}.png", pixels), mask))
        for k, pixels in enumerate((grey, coloured, grey[..., 0]))
    ]

    assert [(f.channels, f.colour, f.grey) for f in found] == [
        (3, True, True),
        (3, True, False),
        (1, False, True),
    ]
    assert all(
        (f.spacing, f.plane, f.orientation, f.pixel) == (None, None, "", (1, 1)) for f in found
    )


@pytest.mark.parametrize("plane", ["auto", "sagittal"])
def test_facts_of_a_scan_do_not_depend_on_how_it_is_stored(plane: str, tmp_path: Path) -> None:
    affine = np.diag([1.0, 1.2, 3, 1])
    voxels, mask = noise((20, 24, 6), 0), disc((20, 24, 6), 3)
    found = []
    for axes, signs in (((0, 1, 2), (0, 0, 0)), ((2, 0, 1), (1, 0, 1))):
        folder = tmp_path / f"{axes}"
        folder.mkdir()
        files = [
            write_scan(folder / f"{name}.nii", *stored(array, affine, axes, signs))
            for name, array in (("image", voxels), ("mask", mask))
        ]
        found.append(facts_for(case_of(*files), plane=plane))

    first, second = (facts.to_dict() for facts in found)
    as_stored = {"orientation", "digest", "mask_digest"}
    assert {key for key in first if first[key] != second[key]} == as_stored


def test_orientation_is_that_of_the_axes_of_the_file(tmp_path: Path) -> None:
    voxels, mask = noise((9, 8, 7), 0), disc((9, 8, 7), 3)
    turned, affine = stored(voxels, np.diag([1.0, 1, 2, 1]), (1, 2, 0), (1, 0, 1))
    turned_mask, _ = stored(mask, np.eye(4), (1, 2, 0), (1, 0, 1))
    files = (
        write_scan(tmp_path / "i.nii", turned, affine),
        write_scan(tmp_path / "m.nii", turned_mask, affine),
    )

    codes = "".join(nib.aff2axcodes(affine))
    assert facts_for(case_of(*files)).orientation == codes


def test_the_header_of_a_series_is_read(tmp_path: Path) -> None:
    series = write_series(tmp_path / "s", stack_of(3))
    masks = tmp_path / "masks"
    for number in range(3):
        write_picture(masks / f"IM{number:04d}.png", disc((128, 128), 9))

    facts = facts_for(case_of(series, masks))

    assert (facts.kind, facts.modality, facts.text_in_pixels) == ("dicom", "CT", False)


def test_damaged_files_are_kept_apart(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "a", "b", "c", "d", "e")
    (root / "images/a.png").write_bytes(b"no picture")
    write_picture(root / "masks/b.png", np.full((48, 64), 7, np.uint8))
    write_picture(root / "masks/c.png", np.full((48, 64), 8, np.uint8))

    found = survey(find_study(settings(root)), settings(root))

    assert [facts.name for facts in found.facts] == ["d", "e"]
    assert [damage.case.name for damage in found.damaged] == ["a", "b", "c"]
    assert found.undeclared == {7: 48 * 64, 8: 48 * 64}
    assert {*found.details} == {facts.alias for facts in found.facts}


def test_the_hash_of_the_data_follows_pixels_and_no_names(tmp_path: Path) -> None:
    def of(root: Path, plane: str = "auto") -> str:
        config = settings(root, plane=plane)
        return data_hash(survey(find_study(config), config).facts)

    first = of(write_scans(tmp_path / "first", "a", "b"))
    write_scans(tmp_path / "second", "x", "y")

    assert of(tmp_path / "second") == first
    assert of(tmp_path / "first", "coronal") == first
    shutil.copy(tmp_path / "first/labels/a.nii.gz", tmp_path / "first/labels/b.nii.gz")
    assert of(tmp_path / "first") != first


def test_diameters_are_of_pixels_of_any_width() -> None:
    facts = scan_of(spacing=(3.0, 0.5, 0.5))

    assert facts.diameters() == [[24.0]]
    assert facts.diameters(1.0) == [[12.0]]
