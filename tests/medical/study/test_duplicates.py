"""The same image under two names is found, whether bit by bit or nearly; others are not."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medical.scans.read import read_volume
from medical.study.cases import find_study
from medical.study.duplicates import Duplicate, find_duplicates
from medical.study.facts import survey
from tests.medical.scans.scan_files import write_scan
from tests.medical.study.studies import settings, write_picture


def found_in(root: Path, patient: str = "") -> list[Duplicate]:
    """Duplicates of a study."""
    config = settings(root, patient=patient, classes={"background": 0, "any": "any"})
    return find_duplicates(survey(find_study(config), config))


@pytest.fixture
def nuclei(shared_data: Path, tmp_path: Path) -> Path:
    """A copy of twenty pictures."""
    for image in sorted((shared_data / "nuclei/val/images").iterdir())[:20]:
        for folder, to in (("images", "images"), ("labels", "masks")):
            (tmp_path / to).mkdir(exist_ok=True)
            shutil.copy(
                shared_data / "nuclei/val" / folder / image.name, tmp_path / to / image.name
            )
    return tmp_path


def plant(root: Path, *, changed: bool) -> tuple[str, str]:
    """Puts a second copy of the first picture among the others, brighter, cut and compressed if `changed`."""
    first = min((root / "images").iterdir())
    pixels = np.asarray(Image.open(first).convert("RGB"))
    mask = np.asarray(Image.open(root / "masks" / first.name))
    if not changed:
        write_picture(root / "images/zz.png", pixels)
        write_picture(root / "masks/zz.png", mask)
    else:
        brighter = np.clip(pixels[3:, :-4] * 1.2 + 8, 0, 255).astype(np.uint8)
        write_picture(root / "images/zz.jpg", brighter, quality=75)
        write_picture(root / "masks/zz.png", mask[3:, :-4])
    return first.stem, "zz"


def test_different_pictures_are_no_duplicates(nuclei: Path) -> None:
    assert not found_in(nuclei)


@pytest.mark.parametrize("changed", [False, True])
def test_a_planted_copy_is_found(changed: bool, nuclei: Path) -> None:
    names = plant(nuclei, changed=changed)

    (pair,) = found_in(nuclei)

    assert (pair.first.name, pair.second.name) == names
    assert pair.exact is not changed
    assert pair.across_patients
    assert pair.likeness > 0.8
    assert (pair.likeness == 1) is not changed


def test_copies_of_one_patient_come_last(nuclei: Path) -> None:
    plant(nuclei, changed=True)
    for name in ("p1_a", "p1_b"):
        for folder in ("images", "masks"):
            source = sorted((nuclei / folder).iterdir())[3]
            shutil.copy(source, nuclei / folder / f"{name}.png")

    pairs = found_in(nuclei, r"(p1|\w+)")

    assert [pair.across_patients for pair in pairs] == [True, True, True, False]
    assert (pairs[-1].first.name, pairs[-1].second.name) == ("p1_a", "p1_b")


def test_a_copy_of_a_scan_is_found_though_brighter_and_cut(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "hippocampus"
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
        for file in sorted((folder / part).iterdir())[:25]:
            shutil.copy(file, tmp_path / part / file.name)
    source = sorted((folder / "images").iterdir())[4]
    volume = read_volume([source])
    voxels = volume.layout.undo(volume.pixels)[1:, :-1, :, 0] * 1.3 + 10
    write_scan(tmp_path / "images/zz.nii.gz", voxels)
    write_scan(tmp_path / "labels/zz.nii.gz", np.zeros(voxels.shape, np.uint8))

    assert [(pair.first.name, pair.second.name) for pair in found_in(tmp_path)] == [
        (source.name.removesuffix(".nii.gz"), "zz")
    ]


def test_images_of_one_value_are_like_nothing(tmp_path: Path) -> None:
    for name in "ab":
        for folder in ("images", "masks"):
            write_picture(tmp_path / folder / f"{name}.png", np.zeros((16, 16), np.uint8))

    assert not found_in(tmp_path)
