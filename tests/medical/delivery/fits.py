"""Run folders as a fit leaves them, with small random networks, on real and made-up cases."""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from torch.nn import Conv2d

from lumbar.data.pixel_classes import PixelClasses
from lumbar.training.load import config_from_dict
from medical.learning.run import StudyFolder
from medical.scans.decision import Decision
from medical.scans.intensity import Intensity
from medical.scans.preprocess import Preprocess
from medical.study.cases import find_study
from medical.study.config import MedicalConfig
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.weights import SegmenterWeights, save_segmenter

NUCLEI = {"background": 0, "nucleus": "any"}
HIPPOCAMPUS = {"background": 0, "anterior": 1, "posterior": 2}

DECISION = Decision(temperature=1.2, threshold=0.4, review_below=0.7)


def scan_settings(**changes: Any) -> Preprocess:
    """Of scans of one channel, with all that there is: resizing, neighbours, flips, tiles."""
    values: dict[str, Any] = {
        "intensity": Intensity("zscore"),
        "plane": None,
        "spacing": 0.8,
        "zoom": 1.0,
        "slices": 3,
        "channels": 1,
        "tile": (64, 64),
        "overlap": 0.5,
        "flips": ("horizontal",),
        "multiple": 32,
    }
    return Preprocess(**{**values, **changes})


def picture_settings(**changes: Any) -> Preprocess:
    """Of colour pictures."""
    values: dict[str, Any] = {
        "intensity": Intensity("none"),
        "spacing": None,
        "slices": 1,
        "channels": 3,
        "tile": (128, 128),
        "overlap": 0.25,
    }
    return scan_settings(**{**values, **changes})


SMALL: dict[str, Any] = {"head": {"name": "fcn"}}
"""Settings of a network that is exported in ten seconds; that of the default head takes twice as long."""


def save_fold(
    path: Path,
    classes: PixelClasses,
    *,
    channels: int,
    seed: int = 0,
    model: Mapping[str, Any] = SMALL,
) -> Path:
    """Writes the weights of a small network, random but always the same, about as sure as a trained one."""
    body = {"name": "resnet18", "width": 16, "weights": "none", "norm": "group", "freeze": []}
    model = {**model, "backbone": {**body, "in_channels": channels}}
    config = config_from_dict(SegmentationConfig, {"model": model})
    task = TASKS["multiclass"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make_segmenter(config.model, len(classes), task=task, loss=CrossEntropy(task))
        *_, last = (part for part in network.classifier.modules() if isinstance(part, Conv2d))
        torch.nn.init.normal_(last.weight, std=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_segmenter(path, SegmenterWeights(network.state_dict(), config, classes))
    return path


def write_fit(
    path: Path,
    data: Path,
    classes: dict[str, Any],
    preprocess: Preprocess,
    *,
    folds: int = 2,
    model: Mapping[str, Any] = SMALL,
) -> Path:
    """Writes the folder of a finished fit on a folder of cases."""
    config = MedicalConfig(data=str(data), classes=classes, folds=folds)
    study, folder = find_study(config), StudyFolder(path)
    path.mkdir(parents=True)
    folder.write_config(config)
    folder.write_resolved(
        {"modality": "mr", "preprocess": preprocess.to_dict(), "data_hash": "0123abcd"}
    )
    aliases = [case.alias for case in study.cases]
    folder.write_splits([aliases[number::folds] for number in range(folds)])
    folder.write_key(study)
    folder.decision.write_text(json.dumps(DECISION.to_dict()))
    for number in range(folds):
        weights = folder.fold(number).weights
        save_fold(weights, study.classes, channels=preprocess.in_channels, seed=number, model=model)
    return path


def made_up_scans(data: Path, *, count: int = 2) -> Path:
    """Writes a study of oblique scans whose axes are stored in another order than they are shown."""
    random = np.random.default_rng(0)
    affine = np.array([[0, 0, 3.0, -9], [-1.1, 0.1, 0, 40], [0.1, 0.9, 0, 7], [0, 0, 0, 1]])
    for number in range(count):
        pixels = random.normal(300, 80, (70, 44, 3)).astype(np.int16)
        labels = random.integers(3, size=pixels.shape).astype(np.uint8)
        for kind, array in (("images", pixels), ("labels", labels)):
            path = data / kind / f"Smith_{number}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return data


def some_hippocampi(shared: Path, data: Path, *, count: int) -> Path:
    """A study of the first few."""
    source = shared / "hippocampus"
    names = sorted(path.name for path in (source / "images").iterdir())[:count]
    return _copied(source, data, ("images", "labels"), names)


def some_nuclei(shared: Path, data: Path, *, count: int) -> Path:
    """A study of the first few."""
    source = shared / "nuclei" / "val"
    names = sorted(path.name for path in (source / "images").iterdir())[:count]
    return _copied(source, data, ("images", "labels"), names)


def _copied(source: Path, data: Path, kinds: Sequence[str], names: Sequence[str]) -> Path:
    for kind in kinds:
        (data / kind).mkdir(parents=True)
        for name in names:
            shutil.copyfile(source / kind / name, data / kind / name)
    return data


def with_settings(run: Path, folder: Path, preprocess: Preprocess) -> Path:
    """The same fit with another way to its network."""
    copy = StudyFolder(shutil.copytree(run, folder))
    resolved = json.loads(copy.resolved.read_text())
    copy.write_resolved(resolved | {"preprocess": preprocess.to_dict()})
    return copy.path


def rows_of(output: Path) -> dict[str, dict[str, str]]:
    """The table of predictions by the names of the cases."""
    with (output / "predictions.csv").open(newline="") as file:
        return {row["case"]: row for row in csv.DictReader(file)}
