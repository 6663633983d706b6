"""New cases of any format are segmented by all folds, drawn, and left as they were."""

import logging
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from medical.delivery.ensemble import load_ensemble
from medical.delivery.predict import predict
from medical.scans.read import read_mask, read_volume, same_geometry
from tests.medical.delivery.fits import (
    NUCLEI,
    picture_settings,
    rows_of,
    scan_settings,
    some_nuclei,
    with_settings,
    write_fit,
)
from tests.medical.scans.scan_files import stack_of, write_series


def files_in(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


def test_scans_get_masks_maps_drawings_and_a_table(fit: Path, scans: Path, tmp_path: Path) -> None:
    predict(fit, [str(scans / "images")], tmp_path / "out", device="cpu", maps=True)

    assert files_in(tmp_path / "out") == {
        "predictions.csv",
        *(f"masks/Smith_{number}.nii.gz" for number in range(2)),
        *(f"drawn/Smith_{number}.png" for number in range(2)),
        *(f"uncertainty/Smith_{number}_uncertainty.nii.gz" for number in range(2)),
        *(
            f"probabilities/Smith_{number}_{name}.nii.gz"
            for number in range(2)
            for name in ("anterior", "posterior")
        ),
    }


def test_masks_are_those_of_the_ensemble_where_the_scan_lies(
    fit: Path, scans: Path, tmp_path: Path
) -> None:
    case = scans / "images" / "Smith_0.nii.gz"

    predict(fit, [str(case)], tmp_path / "out", device="cpu")

    ensemble = load_ensemble(fit, device="cpu")
    expected = ensemble(ensemble.read([case]))
    file = tmp_path / "out" / "masks" / "Smith_0.nii.gz"
    np.testing.assert_array_equal(read_mask(file).pixels[..., 0], expected.labels)
    mask, scan = nibabel.Nifti1Image.from_filename(file), nibabel.Nifti1Image.from_filename(case)
    assert mask.shape == scan.shape
    np.testing.assert_array_equal(mask.affine, scan.affine)
    assert mask.header.get_xyzt_units() == scan.header.get_xyzt_units()
    (row,) = rows_of(tmp_path / "out").values()
    assert float(row["expected dice"]) == pytest.approx(expected.expected_dice, abs=1e-3)
    assert row["review"] == ("please review" if expected.needs_review else "no")


def test_a_scan_that_is_stored_otherwise_gets_the_same_mask_in_the_patient(
    fit: Path, scans: Path, tmp_path: Path
) -> None:
    image = nibabel.Nifti1Image.from_filename(scans / "images" / "Smith_0.nii.gz")
    turned = image.as_reoriented([[2, -1], [0, 1], [1, -1]])
    nibabel.save(turned, tmp_path / "turned.nii.gz")

    for name, path in (
        ("a", scans / "images" / "Smith_0.nii.gz"),
        ("b", tmp_path / "turned.nii.gz"),
    ):
        predict(fit, [str(path)], tmp_path / name, device="cpu")

    first, second = (
        nibabel.Nifti1Image.from_filename(tmp_path / name / "masks" / f"{case}.nii.gz")
        for name, case in (("a", "Smith_0"), ("b", "turned"))
    )
    assert second.shape == turned.shape
    back = nibabel.as_closest_canonical(second)
    wanted = nibabel.as_closest_canonical(first)
    np.testing.assert_allclose(back.affine, wanted.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asanyarray(back.dataobj), np.asanyarray(wanted.dataobj))


def test_a_bad_file_stops_no_other(
    fit: Path, scans: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = shutil.copytree(scans / "images", tmp_path / "data")
    whole = (data / "Smith_0.nii.gz").read_bytes()
    (data / "Smith_0.nii.gz").write_bytes(whole[: len(whole) // 2])

    with (
        caplog.at_level(logging.INFO),
        pytest.raises(ValueError, match=r"1 of 2 scans are not predicted:\n  .*Smith_0\.nii\.gz"),
    ):
        predict(fit, [str(data)], tmp_path / "out", device="cpu")

    assert [*rows_of(tmp_path / "out")] == ["Smith_1"]


def test_predicting_into_the_folder_of_the_scans_leaves_them_as_they_were(
    fit: Path, scans: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(scans / "images", tmp_path / "data")
    before = {path: path.read_bytes() for path in data.iterdir()}

    for _ in range(2):
        predict(fit, [str(data)], data, device="cpu", maps=True)

    assert {path: path.read_bytes() for path in before} == before
    assert len([*(data / "masks").iterdir()]) == 2


def test_a_series_gets_a_mask_in_the_patient_and_a_segmentation(fit: Path, tmp_path: Path) -> None:
    """However its files are ordered on the disk."""
    preprocess = scan_settings(spacing=None, flips=())
    run = with_settings(fit, tmp_path / "run", preprocess)
    pixels = stack_of(3)
    write_series(tmp_path / "a", pixels)
    write_series(tmp_path / "b", pixels, order=[2, 0, 1])

    sources = [str(tmp_path / "a"), str(tmp_path / "b")]
    predict(run, sources, tmp_path / "out", device="cpu", seg=True)

    volume = read_volume([tmp_path / "a"])
    mask = read_mask(tmp_path / "out" / "masks" / "a.nii.gz")
    assert same_geometry(volume, mask) is None
    other = read_mask(tmp_path / "out" / "masks" / "b.nii.gz")
    np.testing.assert_array_equal(mask.pixels, other.pixels)
    seg = read_mask(tmp_path / "out" / "seg" / "a.dcm", like=volume)
    np.testing.assert_array_equal(seg.pixels, mask.pixels)
    assert rows_of(tmp_path / "out")["a"]["unit"] == "ml"


def test_channels_are_files_of_their_own(fit: Path, scans: Path, tmp_path: Path) -> None:
    run = with_settings(fit, tmp_path / "run", scan_settings(slices=1, channels=3))
    (tmp_path / "new").mkdir()
    for channel in range(3):
        source = scans / "images" / f"Smith_{channel % 2}.nii.gz"
        shutil.copyfile(source, tmp_path / "new" / f"case_{channel:04}.nii.gz")

    predict(run, [str(tmp_path / "new")], tmp_path / "out", device="cpu")

    assert files_in(tmp_path / "out") == {
        "predictions.csv",
        "masks/case.nii.gz",
        "drawn/case.png",
    }
    with pytest.raises(ValueError, match=r"case_0000\.nii\.gz: 1 channels, .* made for 3"):
        predict(run, [str(tmp_path / "new" / "case_0000.nii.gz")], tmp_path / "2", device="cpu")


def test_pictures_of_nuclei_in_several_formats(tmp_path: Path, shared_data: Path) -> None:
    data = some_nuclei(shared_data, tmp_path / "data", count=2)
    run = write_fit(tmp_path / "run", data, NUCLEI, picture_settings(flips=()))
    first, _ = sorted((data / "images").iterdir())
    with Image.open(first) as image:
        size, pixels = image.size, image.convert("RGB")
    new = tmp_path / "new"
    new.mkdir()
    pixels.save(new / "a.png")
    pixels.save(new / "[odd].png")
    pixels.save(new / "b.tif")
    pixels.convert("L").save(new / "grey.png")

    predict(run, [f"{new}/*"], tmp_path / "out", device="cpu")

    masks = {}
    for path in (tmp_path / "out" / "masks").iterdir():
        with Image.open(path) as mask:
            assert mask.size == size
            masks[path.stem] = np.asarray(mask)
    assert {*masks} == {"[odd]", "a", "b", "grey"}
    np.testing.assert_array_equal(masks["a"], masks["b"])
    assert rows_of(tmp_path / "out")["a"]["volume nucleus"] == str((masks["a"] > 0).sum())
    with Image.open(tmp_path / "out" / "drawn" / "a.png") as drawn:
        assert drawn.width % size[0] == 0


def test_what_is_missing_is_told_before_anything_is_written(fit: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gone: no scan there"):
        predict(fit, [str(tmp_path / "gone")], tmp_path / "out", device="cpu")
    with pytest.raises(ValueError, match="no run of fit"):
        predict(tmp_path, [str(tmp_path)], tmp_path / "out")

    assert not (tmp_path / "out").exists()
