"""Run folders of real cases whose predictions are made up: the truth is blurred and moved, some of it left out.

Names of files, patients and columns of the table are those of people, which no output may repeat.
"""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file
from scipy import ndimage

from lumbar.data.pixel_classes import IGNORE, PixelClasses
from medical.learning.run import MedicalRun, StudyFolder
from medical.scans.decision import Decision
from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess
from medical.scans.read import read_volume
from medical.scans.write import write_labels
from medical.study.cases import Case, find_study
from medical.study.config import MedicalConfig
from medical.study.truth import read_truth

SURNAMES = (
    *("Grzegorzewski", "Oyelaran", "Vandersloot", "Tshabalala", "Ferreira", "Lindqvist"),
    *("Papadopoulos", "Nakashima", "Abernathy", "Quispe", "Zimmermann", "Okonkwo"),
)
"""Of the patients: in names of files, and in a table that a careless hand has written."""
CLINIC = "Clinic-St-Barnabas"
"""The folder of the data is called so."""
FOLDS = 3
_EDGE = 150
"""Of what is cut out of the pictures of nuclei."""
_BRIGHT = PixelClasses.parse({"background": 0, "bright": 1})
MISSED, EMPTY, ALARM = 0, 2, 5
"""Pictures of nuclei in which nothing is found, and two whose masks are emptied: the last one has a false alarm."""


def secrets() -> list[str]:
    """All that no output may hold."""
    birthdays = [_birthday(number) for number in range(len(SURNAMES))]
    return [*SURNAMES, CLINIC, *birthdays, *(day.replace("-", "") for day in birthdays)]


def nuclei_run(shared: Path, folder: Path, *, cases: int = 12, shift: int = 2) -> MedicalRun:
    """A fit of pictures of nuclei, two of each patient."""
    data = folder / CLINIC
    images = sorted((shared / "nuclei" / "val" / "images").iterdir())[:cases]
    for number, image in enumerate(images):
        label = next((shared / "nuclei" / "val" / "labels").glob(f"{image.stem}.*"))
        name = f"{SURNAMES[number // 2]}_{number % 2}.png"
        for source, kind in ((image, "images"), (label, "masks")):
            (data / kind).mkdir(parents=True, exist_ok=True)
            with Image.open(source) as picture:
                part = picture.crop((0, 0, _EDGE, _EDGE))
                emptied = kind == "masks" and number in (EMPTY, ALARM)
                (part.point(lambda _: 0) if emptied else part).save(data / kind / name)
    _write_table(data)
    config = MedicalConfig(
        data=str(data),
        classes={"background": 0, "nucleus": "any"},
        folds=FOLDS,
        tolerance=2.0,
    )
    preprocess = _preprocess(channels=3, intensity=Intensity("none"))
    return _write_run(folder / "run", config, preprocess, shift=shift)


def hippocampus_run(shared: Path, folder: Path, *, cases: int = 7, shift: int = 1) -> MedicalRun:
    """A fit of MR volumes, one of each patient, with two classes."""
    data = folder / CLINIC
    images = sorted((shared / "hippocampus" / "images").iterdir())[:cases]
    for number, image in enumerate(images):
        _copy(image, data / "images" / f"{SURNAMES[number]}.nii.gz")
        _copy(
            shared / "hippocampus" / "labels" / image.name,
            data / "masks" / f"{SURNAMES[number]}.nii.gz",
        )
    classes = {"background": 0, "anterior": 1, "posterior": 2}
    config = MedicalConfig(data=str(data), classes=classes, folds=FOLDS)
    preprocess = _preprocess(channels=1, intensity=Intensity("zscore"))
    return _write_run(folder / "run", config, preprocess, shift=shift)


def dicom_run(folder: Path, *, cases: int = 4) -> MedicalRun:
    """A fit of CT slices, whose headers say who the patient is; what is bright is to be found."""
    data = folder / CLINIC
    (data / "images").mkdir(parents=True)
    for number in range(cases):
        surname = SURNAMES[number]
        scan = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
        scan.PatientName, scan.PatientID = f"{surname}^Anna", surname
        scan.PatientBirthDate = _birthday(number).replace("-", "")
        scan.save_as(data / "images" / f"{surname}.dcm")
        volume = read_volume([data / "images" / f"{surname}.dcm"])
        truth = (volume.pixels[..., 0] > 100 * (number + 1)).astype(np.uint8)
        write_labels(data / "masks", surname, truth, like=volume, classes=_BRIGHT)
    config = MedicalConfig(data=str(data), classes={"background": 0, "bright": 1}, folds=FOLDS)
    preprocess = _preprocess(channels=1, intensity=Intensity("window", -160, 240))
    return _write_run(folder / "run", config, preprocess, shift=1)


def made_up(
    truth: NDArray[np.uint8], num_classes: int, *, shift: int, seed: int
) -> NDArray[np.float32]:
    """Probabilities (K, D, H, W) of a model that sees the truth (D, H, W) blurred and a little aside."""
    known = np.where(truth == IGNORE, 0, truth)
    masks = np.eye(num_classes, dtype=np.float32)[known].transpose(3, 0, 1, 2)
    moved = np.roll(masks, (seed % (shift + 1), shift), (2, 3))
    soft = ndimage.gaussian_filter(moved, (0, 0, 1.2, 1.2))
    noise = np.random.default_rng(seed).normal(0, 1, soft.shape)
    soft += 0.18 * ndimage.gaussian_filter(noise, (0, 0, 2, 2))
    # Too sure of itself, so that there is something to calibrate.
    sharp = np.exp(8 * soft)
    found: NDArray[np.float32] = (sharp / sharp.sum(0)).astype(np.float32)
    return found


def _write_run(
    path: Path, config: MedicalConfig, preprocess: Preprocess, *, shift: int
) -> MedicalRun:
    study, folder = find_study(config), StudyFolder(path)
    path.mkdir(parents=True)
    folder.write_config(config)
    folder.write_resolved(
        {
            "modality": "rgb",
            "preprocess": preprocess.to_dict(),
            "reasons": {"patch": f"as {SURNAMES[0]} has the smallest image"},
            "data_hash": "0123456789abcdef",
        }
    )
    folder.write_key(study)
    numbers = {patient: place for place, patient in enumerate(study.patients)}
    splits = [
        [case.alias for case in study.cases if numbers[case.patient] % FOLDS == fold]
        for fold in range(FOLDS)
    ]
    folder.write_splits(splits)
    for number, case in enumerate(study.cases):
        volume = read_volume(case.images, plane=preprocess.plane)
        truth = read_truth(case, volume, study.classes)
        found = made_up(truth, len(study.classes), shift=shift, seed=number)
        if "nucleus" in study.classes.names:
            _spoil(found, _place(case))
        folder.out_of_fold.save(case.alias, found)
    _write_folds(path)
    decision = Decision(temperature=1.2, threshold=0.5, review_below=0.8)
    folder.decision.write_text(json.dumps(decision.to_dict()))
    return MedicalRun.open(path)


def _spoil(found: NDArray[np.float32], number: int) -> None:
    """Misses one picture, and sees something where there is nothing."""
    if number in (MISSED, EMPTY):
        found[0], found[1] = 0.999, 0.001
    if number == ALARM:
        found[:, :, 20:40, 20:40] = np.array([0.02, 0.98], np.float32).reshape(2, 1, 1, 1)


def _write_folds(path: Path) -> None:
    """What the report reads of the training of the folds."""
    for fold in range(FOLDS):
        own = path / f"fold{fold}"
        own.mkdir()
        (own / "model.safetensors").write_bytes(bytes([fold]) * 100)
        (own / "took.json").write_text(json.dumps({"training": 60.0, "prediction": 6.0}))


def _write_table(data: Path) -> None:
    """A row for each picture, with more than anybody should know."""
    with (data / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "patient", "site", "stain", "patient_name", "dob", "seen by"])
        for image in sorted((data / "images").iterdir()):
            surname = image.stem.partition("_")[0]
            number = SURNAMES.index(surname)
            site = ("north", "south")[number % 2]
            writer.writerow(
                [image.stem, surname, site, "H&E", surname, _birthday(number), f"Dr {SURNAMES[0]}"]
            )


def case_of(run: MedicalRun, number: int) -> Case:
    """The case whose files carry this place in the order of the builder."""
    return next(case for case in run.study.cases if _place(case) == number)


def _place(case: Case) -> int:
    surname, _, number = case.name.rpartition("/")[2].partition("_")
    return 2 * SURNAMES.index(surname) + int(number)


def _birthday(number: int) -> str:
    return f"{1940 + number}-03-{10 + number}"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _preprocess(*, channels: int, intensity: Intensity) -> Preprocess:
    return Preprocess(
        intensity=intensity,
        plane=None,
        spacing=None,
        zoom=1.0,
        slices=1,
        channels=channels,
        tile=(128, 128),
        overlap=0.5,
        flips=(),
    )
