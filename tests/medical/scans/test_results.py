"""Results lie beside each other in the geometry of the scans, and one bad file stops no other."""

import csv
import logging
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from lumbar.data.pixel_classes import PixelClasses
from lumbar.files import UnwritableError
from medical.scans.decision import Decision
from medical.scans.intensity import Intensity
from medical.scans.prediction import Prediction, Predictor
from medical.scans.results import measure, predict_sources
from medical.scans.sources import Source, find_sources
from medical.scans.volume import Volume
from tests.medical.scans.made_up import constant, lopsided, of_pixels, settings

CLASSES = PixelClasses.parse({"background": 0, "organ": 2, "tumour": 7})
PREDICTOR = Predictor(
    lopsided,
    settings(intensity=Intensity("percentile", 0, 100)),
    Decision(review_below=0.5),
    CLASSES,
)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A picture and a scan with voxels of 2 by 3 by 4 mm."""
    noise = np.random.default_rng(0).integers(256, size=(20, 30, 12), dtype=np.uint8)
    folder = tmp_path / "scans"
    folder.mkdir()
    Image.fromarray(noise[..., 0]).save(folder / "picture.png")
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(noise, affine), folder / "scan.nii.gz")
    return folder


def sources_of(folder: Path) -> list[Source]:
    return find_sources([str(folder)], channels=1)


def rows_of(output: Path) -> dict[str, dict[str, str]]:
    with (output / "predictions.csv").open(newline="") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def files_in(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


def test_masks_have_the_geometry_of_the_scan_and_the_numbers_of_the_classes(
    scans: Path, tmp_path: Path
) -> None:
    predict_sources(PREDICTOR, sources_of(scans), tmp_path / "out")

    assert files_in(tmp_path / "out") == {
        *("masks/picture.png", "masks/scan.nii.gz", "predictions.csv"),
    }
    mask, scan = (
        nibabel.Nifti1Image.from_filename(folder / "scan.nii.gz")
        for folder in (tmp_path / "out" / "masks", scans)
    )
    assert mask.shape == scan.shape
    np.testing.assert_array_equal(mask.affine, scan.affine)
    assert {*np.unique(np.asanyarray(mask.dataobj)).tolist()} <= {0, 2, 7}


def test_the_table_says_what_the_masks_show(scans: Path, tmp_path: Path) -> None:
    predict_sources(PREDICTOR, sources_of(scans), tmp_path / "out")

    rows = rows_of(tmp_path / "out")
    picture = np.asarray(Image.open(tmp_path / "out" / rows["picture"]["mask"]))
    scan = np.asanyarray(
        nibabel.Nifti1Image.from_filename(tmp_path / "out" / rows["scan"]["mask"]).dataobj
    )
    for name, value in (("organ", 2), ("tumour", 7)):
        assert float(rows["picture"][f"volume {name}"]) == (picture == value).sum()
        millilitres = (scan == value).sum() * 24 / 1000
        assert float(rows["scan"][f"volume {name}"]) == pytest.approx(millilitres, rel=1e-5)
    assert (rows["picture"]["unit"], rows["scan"]["unit"]) == ("px", "ml")
    assert rows["scan"]["file"] == str(scans / "scan.nii.gz")


def test_maps_are_the_probabilities_of_the_foreground_and_the_uncertainty(
    scans: Path, tmp_path: Path
) -> None:
    found: dict[str, Prediction] = {}

    def also(source: Source, volume: Volume, prediction: Prediction, row: Any) -> None:
        found[source.name] = prediction

    predict_sources(PREDICTOR, sources_of(scans), tmp_path / "out", maps=True, also=also)

    folder = tmp_path / "out" / "probabilities"
    assert files_in(folder) == {
        f"{name}_{label}{suffix}"
        for name, suffix in (("picture", ".png"), ("scan", ".nii.gz"))
        for label in ("organ", "tumour")
    }
    picture = np.asarray(Image.open(folder / "picture_organ.png")) / 65535
    np.testing.assert_allclose(picture, found["picture"].probabilities[1, 0], atol=1e-5)
    entropy = nibabel.Nifti1Image.from_filename(
        tmp_path / "out" / "uncertainty" / "scan_uncertainty.nii.gz"
    )
    assert np.sort(entropy.get_fdata(dtype=np.float32).ravel()) == pytest.approx(
        np.sort(found["scan"].uncertainty.ravel())
    )


def test_lesions_are_the_pieces_of_a_class() -> None:
    labels = np.zeros((2, 10, 10), np.uint8)
    labels[0, 1:3, 1:3] = labels[1, 3, 3] = labels[:, 7:9, 7:9] = 1
    labels[0, 5, 5] = 2
    maps = np.eye(3, dtype=np.float32)[labels].transpose(3, 0, 1, 2)
    scan = of_pixels(np.zeros((2, 10, 10, 1), np.uint8), spacing=(5.0, 2.0, 1.0))

    row = measure(Prediction(maps, labels, 1.0, None), scan, CLASSES)

    assert row == {
        "unit": "ml",
        "volume organ": "0.13",
        "lesions organ": "2",
        "volume tumour": "0.01",
        "lesions tumour": "1",
        "expected dice": "1.0000",
        "review": "",
    }


@pytest.mark.parametrize(("limit", "word"), [(0.99, "please review"), (0.01, "no")])
def test_doubtful_cases_are_to_be_reviewed(
    limit: float, word: str, scans: Path, tmp_path: Path
) -> None:
    decision = Decision(review_below=limit)
    predictor = Predictor(constant(0.4, 0.6, 0.0), PREDICTOR.preprocess, decision, CLASSES)

    predict_sources(predictor, sources_of(scans), tmp_path / "out")

    assert {row["review"] for row in rows_of(tmp_path / "out").values()} == {word}


def test_a_bad_file_is_told_at_the_end_and_stops_no_other(
    scans: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (scans / "a_bad.png").write_bytes(b"\x89PNG")
    Image.new("RGB", (9, 9)).save(scans / "rgb.tif")
    noise = np.zeros((5, 6, 7, 2), np.uint8)
    nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), scans / "time.nii.gz")

    with (
        caplog.at_level(logging.INFO),
        pytest.raises(ValueError, match=r"^2 of 5 scans are not predicted:") as told,
    ):
        predict_sources(PREDICTOR, sources_of(scans), tmp_path / "out")

    assert {*rows_of(tmp_path / "out")} == {"picture", "rgb", "scan"}
    lines = str(told.value).splitlines()[1:]
    assert len(lines) == 2
    for line, name in zip(lines, ("a_bad.png", "time.nii.gz"), strict=True):
        assert line.startswith("  ")
        assert name in line
    assert "a_bad: left out" in caplog.text


def test_scans_are_left_as_they_were(scans: Path) -> None:
    before = {path: path.read_bytes() for path in scans.iterdir()}

    predict_sources(PREDICTOR, sources_of(scans), scans, maps=True)

    assert {path: path.read_bytes() for path in before} == before


def test_a_full_disk_stops_everything(scans: Path, tmp_path: Path) -> None:
    tried: list[str] = []

    def also(source: Source, volume: Volume, prediction: Prediction, row: Any) -> None:
        tried.append(source.name)
        raise UnwritableError(tmp_path / "more", OSError("no space left on device"))

    with pytest.raises(UnwritableError, match="no space left"):
        predict_sources(PREDICTOR, sources_of(scans), tmp_path / "out", also=also)

    assert tried == ["picture"]
