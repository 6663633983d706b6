"""The files that predictions leave behind: masks, maps, and a table of volumes."""

import csv
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lumbar.data.pixel_classes import PixelClasses
from lumbar.files import UnwritableError, atomic_write
from medical.scans.components import count_components
from medical.scans.prediction import Prediction, Predictor
from medical.scans.sources import Source
from medical.scans.volume import Volume
from medical.scans.write import write_labels, write_maps

Row = Mapping[str, str]
"""A line of the table by the names of its columns."""
Also = Callable[[Source, Volume, Prediction, Row], None]
"""What else is done with a prediction, of which the row says what `measure` found."""

FOLDERS = ("masks", "probabilities", "uncertainty")
"""Of the results."""
TABLE = "predictions.csv"
"""Of the results, a line for each scan."""

_MM3_OF_ML = 1000

_log = logging.getLogger(__name__)


def predict_sources(
    predictor: Predictor,
    sources: Iterable[Source],
    output: Path,
    *,
    maps: bool = False,
    also: Also | None = None,
) -> None:
    """Predicts scans one by one; one that cannot be read stops none of the others.

    Writes into `output`: `masks/` in the format and geometry of the scans, with the numbers of the classes in the masks
    of the training; `probabilities/` of each foreground class and `uncertainty/`, where `maps` are wanted; and
    `predictions.csv`.

    Args:
        predictor: Finds the classes.
        sources: The scans.
        output: Folder of the results.
        maps: Whether probabilities and uncertainty are written.
        also: Is called with every scan and what was found in it.

    Raises:
        ValueError: A result cannot be written; or, at the end, some scans could not be predicted: which, and why.
    """
    rows: list[Row] = []
    faults: list[str] = []
    for source in sources:
        try:
            rows.append(_predict(predictor, source, output, maps=maps, also=also))
        except UnwritableError:
            raise
        except ValueError as error:
            file, why = str(source.files[0]), str(error)
            faults.append(why if file in why else f"{file}: {why}")
            _log.warning("%s: left out", source.name)
    if rows:
        write_table(output / TABLE, rows)
        _log.info("masks     %s", output / FOLDERS[0])
        _log.info("table     %s", output / TABLE)
    if faults:
        told = f"{len(faults)} of {len(faults) + len(rows)} scans are not predicted:"
        raise ValueError("\n  ".join([told, *faults]))


def _predict(
    predictor: Predictor, source: Source, output: Path, *, maps: bool, also: Also | None
) -> Row:
    volume = predictor.read(source.files)
    prediction = predictor(volume)
    classes = predictor.classes
    mask = write_labels(
        output / "masks", source.name, prediction.labels, like=volume, classes=classes
    )
    if maps:
        write_maps(
            output / "probabilities",
            source.name,
            prediction.probabilities[1:],
            like=volume,
            names=classes.names[1:],
        )
        entropy = prediction.uncertainty[None]
        write_maps(output / "uncertainty", source.name, entropy, like=volume, names=["uncertainty"])
    measured = measure(prediction, volume, classes)
    if also is not None:
        also(source, volume, prediction, measured)
    return {
        "case": source.name,
        "file": str(source.files[0]),
        "mask": mask.relative_to(output).as_posix(),
        **measured,
    }


def measure(prediction: Prediction, volume: Volume, classes: PixelClasses) -> Row:
    """Volumes and lesions of each foreground class, and how good the prediction may be.

    A lesion is a connected region; voxels that share a corner belong together.

    Args:
        prediction: Labels (D, H, W).
        volume: The scan, for the size of its voxels.
        classes: What the labels mean.

    Returns:
        The columns of the table, volumes in ml, of pictures in pixels.
    """
    unit, of_voxel = "px", 1.0
    if volume.geometry is not None:
        unit = "ml"
        of_voxel = abs(float(np.linalg.det(volume.geometry.affine[:3, :3]))) / _MM3_OF_ML
    row = {"unit": unit}
    for label, name in enumerate(classes.names[1:], start=1):
        mask = prediction.labels == label
        row[f"volume {name}"] = f"{np.count_nonzero(mask) * of_voxel:.6g}"
        row[f"lesions {name}"] = str(count_components(mask))
    words = {None: "", True: "please review", False: "no"}
    return {
        **row,
        "expected dice": f"{prediction.expected_dice:.4f}",
        "review": words[prediction.needs_review],
    }


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Writes lines of equal columns, at least one, as CSV."""
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
