"""Boxes hold the lesions of the masks, slices are as networks see them, and nobody is named."""

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from detection.config import DetectionConfig
from detection.presets import PRESETS
from lumbar.data.read import read_split
from lumbar.training.load import load_config
from medical.delivery.boxes import BoxFiles, boxes, froc_of_files
from medical.learning.folds import make_folds
from medical.scans.intensity import Intensity
from medical.scans.read import read_volume
from medical.scores.regions import find_regions
from medical.study.cases import find_study
from medical.study.config import MedicalConfig
from medical.study.facts import survey
from medical.study.truth import read_truth
from tests.medical.delivery.fits import HIPPOCAMPUS, NUCLEI, some_hippocampi

Row = dict[str, Any]
NIFTI: Any = nibabel.Nifti1Image


def some_nuclei(examples: Path, data: Path, count: int = 6) -> Path:
    """A study of a few pictures that come with the project."""
    for name in (examples / "nuclei" / "val.txt").read_text(encoding="utf-8").split()[:count]:
        for kind in ("images", "labels"):
            (data / kind).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(examples / "nuclei" / kind / f"{name}.png", data / kind / f"{name}.png")
    return data


def scans(data: Path, count: int = 3, *, void: bool = False) -> Path:
    """A study of scans that are named after people; of each slice two corners that touch at a point are a lesion."""
    random = np.random.default_rng(0)
    for number in range(count):
        pixels = random.normal(300, 80, (30, 20, 4)).astype(np.float32)
        labels = np.zeros(pixels.shape, np.uint8)
        labels[4:8, 5:7, 1:3] = labels[8:9, 7:12, 1:3] = 1
        labels[20:23, 3:4, 2] = 2
        if void:
            labels[6:8, :, 1] = 9
        for kind, array in (("images", pixels), ("labels", labels)):
            (data / kind).mkdir(parents=True, exist_ok=True)
            file = data / kind / f"Smith_{number}.nii.gz"
            nibabel.save(NIFTI(array, np.diag([1.0, 1, 4, 1])), file)
    return data


def config_of(data: Path, classes: dict[str, Any], **changes: Any) -> MedicalConfig:
    return MedicalConfig(data=str(data), classes=classes, **{"folds": 3, **changes})


def pixels(path: Path) -> Any:
    """Of a PNG file as it is."""
    with Image.open(path) as image:
        return np.asarray(image)


def read(files: BoxFiles) -> list[dict[str, list[Row]]]:
    """The documents of both splits."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in files[:2]]


def by_image(document: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The annotations of each file."""
    names = {image["id"]: image["file_name"] for image in document["images"]}
    found: dict[str, list[Row]] = {name: [] for name in names.values()}
    for row in document["annotations"]:
        found[names[row["image_id"]]].append(row)
    return found


def test_each_nucleus_is_a_box_and_each_picture_an_image(examples: Path, tmp_path: Path) -> None:
    data = some_nuclei(examples, tmp_path / "data")
    config = config_of(data, NUCLEI)

    documents = read(boxes(config, output=tmp_path / "out"))

    found = by_image(documents[0]) | by_image(documents[1])
    for case in find_study(config).cases:
        numbers = pixels(data / "labels" / f"{Path(case.name).name}.png")
        expected = []
        for number in np.unique(numbers[numbers > 0]):
            rows, columns = np.nonzero(numbers == number)
            corner = [columns.min(), rows.min()]
            size = [np.ptp(columns) + 1, np.ptp(rows) + 1]
            expected.append(([*corner, *size], len(rows)))
        rows_of_case = found[f"{case.alias}.png"]
        assert sorted((row["bbox"], row["area"]) for row in rows_of_case) == sorted(expected)
        written = pixels(tmp_path / "out" / "images" / f"{case.alias}.png")
        original = pixels(case.images[0])
        assert np.array_equal(written, original)
    assert documents[0]["categories"] == [{"id": 1, "name": "nucleus"}]


def test_slices_of_scans_have_their_regions(shared_data: Path, tmp_path: Path) -> None:
    config = config_of(some_hippocampi(shared_data, tmp_path / "data", count=4), HIPPOCAMPUS)

    documents = read(boxes(config, output=tmp_path / "out"))

    study, found = find_study(config), by_image(documents[0]) | by_image(documents[1])
    for case in study.cases:
        volume = read_volume(case.images)
        truth = read_truth(case, volume, study.classes)
        shown = Intensity("zscore")(volume.pixels)[..., 0].round()
        for index, labels in enumerate(truth):
            name = f"{case.alias}_{index:04}.png"
            assert np.array_equal(pixels(tmp_path / "out/images" / name), shown[index])
            for row in found[name]:
                x, y, width, height = row["bbox"]
                inside = labels[y : y + height, x : x + width] == row["category_id"]
                assert inside.sum() >= row["area"] > 0
            for label in (1, 2):
                areas = [row["area"] for row in found[name] if row["category_id"] == label]
                assert areas == find_regions(labels == label).sizes.tolist()


def test_regions_are_of_a_slice_and_touch_at_corners(tmp_path: Path) -> None:
    config = config_of(scans(tmp_path / "data"), {"background": 0, "lesion": 1, "vessel": 2})

    train, val = read(boxes(config, output=tmp_path / "out"))

    assert (len(train["images"]), len(val["images"])) == (8, 4)
    rows = by_image(val)
    counts = sorted(len(found) for found in rows.values())
    assert counts == [0, 0, 1, 2]
    areas = {(row["category_id"], row["area"]) for found in rows.values() for row in found}
    assert areas == {(1, 13), (2, 3)}


def test_void_is_in_no_box(tmp_path: Path) -> None:
    config = config_of(
        scans(tmp_path / "data", void=True), {"background": 0, "lesion": 1, "vessel": 2}, void=(9,)
    )

    _, val = read(boxes(config, output=tmp_path / "out"))

    areas = sorted(row["area"] for row in val["annotations"] if row["category_id"] == 1)
    assert areas == [4, 5, 13]


def test_patients_are_in_one_split_that_of_the_first_fold(tmp_path: Path) -> None:
    data = scans(tmp_path / "data", count=6)
    config = config_of(data, {"background": 0, "lesion": 1, "vessel": 2}, patient=r"_([0-9])")

    train, val = read(boxes(config, output=tmp_path / "out"))

    study = find_study(config)
    sizes = np.array([case.voxels[1:] for case in survey(study, config).facts], np.float64)
    fold_of = make_folds([case.patient for case in study.cases], sizes, folds=3, seed=config.seed)
    held_out = {
        case.alias.partition("-")[0]
        for case, fold in zip(study.cases, fold_of, strict=True)
        if fold == 0
    }
    assert {image["patient"] for image in val["images"]} == held_out
    assert not held_out & {image["patient"] for image in train["images"]}
    ids = [row["id"] for document in (train, val) for row in document["images"]]
    assert len({*ids}) == len(ids) == 24


def test_nobody_is_named(tmp_path: Path) -> None:
    config = config_of(scans(tmp_path / "data"), {"background": 0, "lesion": 1, "vessel": 2})

    boxes(config, output=tmp_path / "out")

    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == 12 + 3
    assert not any("smith" in path.name.lower() for path in files)
    assert not any(b"smith" in path.read_bytes().lower() for path in files)


def test_a_detector_takes_them_as_they_are(examples: Path, tmp_path: Path) -> None:
    config = config_of(some_nuclei(examples, tmp_path / "data"), NUCLEI)
    files = boxes(config, output=tmp_path / "a: folder")

    detector = load_config(DetectionConfig, files.config, presets=PRESETS)

    assert not detector.data.test.annotations
    assert [*detector.model.anchors.sizes] == sorted(detector.model.anchors.sizes)
    documents = read(files)
    for split, document in zip((detector.data.train, detector.data.val), documents, strict=True):
        records = read_split(split, Path(detector.data.root), name="train")
        assert len(records) == len(document["images"])
        assert sum(len(record.boxes) for record in records) == len(document["annotations"])
        assert records.categories.names == ("nucleus",)
        assert records[0].path.is_file()


def test_the_truth_as_detections_finds_everything(examples: Path, tmp_path: Path) -> None:
    files = boxes(
        config_of(some_nuclei(examples, tmp_path / "data"), NUCLEI), output=tmp_path / "out"
    )
    rows = [
        {key: row[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9}
        for row in read(files)[1]["annotations"]
    ]
    (tmp_path / "results.json").write_text(json.dumps(rows), encoding="utf-8")

    scores = froc_of_files(tmp_path / "results.json", files.val)

    assert scores.classes["nucleus"].mean.value == 1
    assert scores.patients == 2


def test_channels_become_colours_or_the_first_is_kept(tmp_path: Path) -> None:
    data = scans(tmp_path / "data")
    for channels in (2, 4):
        raw = tmp_path / f"raw{channels}"
        shutil.copytree(data / "labels", raw / "labelsTr")
        (raw / "imagesTr").mkdir()
        for path in (data / "images").iterdir():
            for channel in range(channels):
                name = path.name.replace(".nii.gz", f"_{channel:04}.nii.gz")
                shutil.copyfile(path, raw / "imagesTr" / name)
        names = {str(channel): f"c{channel}" for channel in range(channels)}
        labels = {"background": 0, "lesion": 1, "vessel": 2}
        (raw / "dataset.json").write_text(
            json.dumps(
                {
                    "channel_names": names,
                    "labels": labels,
                    "numTraining": 3,
                    "file_ending": ".nii.gz",
                }
            )
        )
        boxes(config_of(raw, {}), output=tmp_path / f"out{channels}")

    for channels, shape in ((2, (20, 30)), (4, (20, 30, 3))):
        written = [*(tmp_path / f"out{channels}" / "images").iterdir()]
        assert {pixels(path).shape for path in written} == {shape}


def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    classes = {"background": 0, "lesion": 1, "vessel": 2}
    data = scans(tmp_path / "data")

    with pytest.raises(ValueError, match="is in use"):
        boxes(config_of(data, classes), output=data)
    with pytest.raises(ValueError, match="one patient"):
        boxes(config_of(data, classes, patient="(Smith)"), output=tmp_path / "one")
    with pytest.raises(ValueError, match="cannot be used"):
        boxes(config_of(data, {"background": 0, "lesion": 1}), output=tmp_path / "undeclared")
    for file in (data / "labels").iterdir():
        nibabel.save(NIFTI(np.zeros((30, 20, 4), np.uint8), np.diag([1.0, 1, 4, 1])), file)
    with pytest.raises(ValueError, match="no lesion"):
        boxes(config_of(data, classes), output=tmp_path / "empty")
    assert not (tmp_path / "empty").exists()
