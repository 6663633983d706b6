"""The scores of one case, class by class; whatever the case is like, each number has a rule."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE
from medical.scores.lesions import match_lesions
from medical.scores.regions import Mask
from medical.scores.surfaces import surface_distances

Labels = NDArray[np.uint8]
Spacing = tuple[float, float, float]
Status = Literal["scored", "missed", "false_alarm", "correctly_empty", "unlabelled"]
"""scored: the class is there, and at least one voxel of it is found. missed: it is there, and none is found.
false_alarm: it is not there, but predicted. correctly_empty: neither. unlabelled: every voxel of the case is void."""


@dataclass(frozen=True)
class ClassScores:
    """How well one class is segmented in one case; lengths in mm and volumes in mm^3, of pictures in pixels."""

    dice: float
    """0 of a miss and of a false alarm; NaN where the class is neither there nor predicted."""
    iou: float
    """As Dice."""
    hd95: float
    """95th percentile of the distances between the surfaces, the larger one of both directions; the diagonal of the
    image where only one of the masks is empty, NaN where both are."""
    surface_dice: float
    """Share of both surfaces within the tolerance of the other; 0 where only one of the masks is empty, NaN where both
    are."""
    reference_volume: float
    """Of the true mask."""
    predicted_volume: float
    """Of the predicted mask."""
    lesions: int
    """Connected regions of the true mask."""
    lesions_found: int
    """Those that a predicted region overlaps with an IoU of more than 0.1."""
    false_lesions: int
    """Predicted regions that overlap no true one so."""
    status: Status
    """What kind of case it is for this class."""

    @property
    def present(self) -> bool:
        """Whether the class is truly there: the cases over which Dice and distances are averaged."""
        return self.status in ("scored", "missed")

    @property
    def healthy(self) -> bool:
        """Whether the class is truly absent: the cases that are judged by their false alarms."""
        return self.status in ("false_alarm", "correctly_empty")

    @property
    def intersection(self) -> float:
        """Volume that both masks share."""
        dice = 0.0 if math.isnan(self.dice) else self.dice
        return dice * (self.reference_volume + self.predicted_volume) / 2

    @property
    def volume_error(self) -> float:
        """Predicted minus true volume."""
        return self.predicted_volume - self.reference_volume


def score_case(
    labels: Labels,
    truth: Labels,
    *,
    num_classes: int,
    spacing: Spacing | None,
    tolerance: float,
) -> tuple[ClassScores, ...]:
    """Scores the foreground classes of one case.

    Voxels that are void in the truth belong to no mask, neither to the true nor to the predicted one: what is
    predicted there changes nothing, and regions end where they begin.

    Args:
        labels: (D, H, W) uint8, predicted class of each voxel; a picture has D == 1.
        truth: (D, H, W) uint8, true class, 255 where it counts nowhere.
        num_classes: K, with the background, which is class 0 and is not scored.
        spacing: mm between slices, rows and columns; None of a picture, whose unit is the pixel.
        tolerance: How far two surfaces may lie apart to count as one in the surface Dice, in mm or pixels.

    Returns:
        K - 1 scores, of classes 1..K-1.

    Raises:
        ValueError: The shapes differ, or a label is none of the classes.
    """
    _check(labels, truth, num_classes)
    known = truth != IGNORE
    if not known.any():
        return (_UNLABELLED,) * (num_classes - 1)
    if not known.all():
        labels, truth = np.where(known, labels, 0), np.where(known, truth, 0)
    return tuple(
        _score_class(labels == label, truth == label, spacing, tolerance)
        for label in range(1, num_classes)
    )


def overlaps(labels: Labels, truth: Labels, *, num_classes: int) -> NDArray[np.int64]:
    """Counts the voxels that masks have and share, the background's too.

    Args:
        labels: (D, H, W) uint8, predicted classes.
        truth: (D, H, W) uint8, true classes, 255 where it counts nowhere.
        num_classes: K.

    Returns:
        (K, 3) voxels of each class that are in both masks, in the true one, in the predicted one.

    Raises:
        ValueError: The shapes differ, or a label is none of the classes.
    """
    _check(labels, truth, num_classes)
    known = truth != IGNORE
    pairs = truth[known].astype(np.int64) * num_classes + labels[known]
    confusion = np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    return np.stack((confusion.diagonal(), confusion.sum(1), confusion.sum(0)), axis=1)


def diagonal(shape: tuple[int, ...], spacing: Spacing | None) -> float:
    """Length from corner to corner of an image, more than any distance in it.

    Args:
        shape: (D, H, W); the thickness of a single slice does not count.
        spacing: mm between slices, rows and columns, None for pixels.
    """
    lengths = np.asarray(shape) * np.asarray(spacing or (1.0, 1.0, 1.0))
    return float(np.linalg.norm(lengths[1:] if shape[0] == 1 else lengths))


def _score_class(
    predicted: Mask, true: Mask, spacing: Spacing | None, tolerance: float
) -> ClassScores:
    size = math.prod(spacing) if spacing else 1.0
    shared, there, guessed = (int(mask.sum()) for mask in (predicted & true, true, predicted))
    hd95, surface_dice = _distances(predicted, true, spacing, tolerance)
    counts = match_lesions(predicted, true)
    return ClassScores(
        dice=_ratio(2 * shared, there + guessed),
        iou=_ratio(shared, there + guessed - shared),
        hd95=hd95,
        surface_dice=surface_dice,
        reference_volume=there * size,
        predicted_volume=guessed * size,
        lesions=counts.lesions,
        lesions_found=counts.found,
        false_lesions=counts.false,
        status=_status(shared, there, guessed),
    )


def _distances(
    predicted: Mask, true: Mask, spacing: Spacing | None, tolerance: float
) -> tuple[float, float]:
    """HD95 and surface Dice."""
    empty = [not mask.any() for mask in (predicted, true)]
    if all(empty):
        return math.nan, math.nan
    if any(empty):
        return diagonal(true.shape, spacing), 0.0
    distances = surface_distances(predicted, true, spacing or (1.0, 1.0, 1.0))
    return distances.hausdorff(), distances.surface_dice(tolerance)


def _status(shared: int, there: int, guessed: int) -> Status:
    if there:
        return "scored" if shared else "missed"
    return "false_alarm" if guessed else "correctly_empty"


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _check(labels: Labels, truth: Labels, num_classes: int) -> None:
    if labels.shape != truth.shape or truth.ndim != 3:
        raise ValueError(
            f"predicted labels {labels.shape} and true ones {truth.shape} must have one shape (slices, rows, columns)"
        )
    highest = max(int(labels.max()), int(truth.max(where=truth != IGNORE, initial=0)))
    if highest >= num_classes:
        raise ValueError(
            f"label {highest} is none of the {num_classes} classes 0..{num_classes - 1}: read masks by their classes"
        )


_NAN = math.nan
_UNLABELLED = ClassScores(_NAN, _NAN, _NAN, _NAN, 0.0, 0.0, 0, 0, 0, "unlabelled")
