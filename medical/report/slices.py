"""Cases as pictures: the slice with the most errors, as the network sees it, beside the same slice with its errors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lumbar.data.pixel_classes import IGNORE
from medical.learning.run import MedicalRun
from medical.pages.overlays import error_overlay, errors_of, plain
from medical.pages.pictures import RGB, Picture, as_rgb, picture, spread
from medical.report.held_out import HeldOut, read_held_out
from medical.scans.decision import Decision
from medical.scans.preprocess import prepared
from medical.scores.regions import Box, bounding_box

_MARGIN = 1.6
"""Edge of what is looked at closer, by that of all errors; at most a third of the picture."""
_LEAST_EDGE = 40
"""Of it, in pixels."""


class Slice(NamedTuple):
    """A slice of a case in the size in which the network sees it."""

    image: RGB
    """(h, w, 3)."""
    truth: NDArray[np.uint8]
    """(h, w) true classes, 255 where nothing counts."""
    labels: NDArray[np.uint8]
    """(h, w) predicted classes."""
    spacing: tuple[float, float]
    """Distance of rows and of columns."""


def read_slice(run: MedicalRun, alias: str, index: int, decision: Decision) -> Slice:
    """Reads a slice of a case with its prediction.

    Args:
        run: A finished fit.
        alias: Of the case.
        index: Of the slice.
        decision: How labels are made of its probabilities.

    Raises:
        ValueError: The case is missing or damaged.
    """
    case = next(case for case in run.study.cases if case.alias == alias)
    return cut(read_held_out(run, case), index, run, decision)


def cut(held_out: HeldOut, index: int, run: MedicalRun, decision: Decision) -> Slice:
    """Takes a slice out of a case.

    Args:
        held_out: The case.
        index: Of the slice.
        run: Whose preprocessing the network sees.
        decision: How labels are made of its probabilities.
    """
    image = as_rgb(prepared(held_out.volume, run.preprocess)[index])
    height, width = image.shape[:2]
    labels = decision.labels(decision.calibrated(held_out.probabilities[:, index]))
    rows, columns = held_out.truth.shape[1:]
    _, row_step, column_step = held_out.spacing or (1.0, 1.0, 1.0)
    return Slice(
        image,
        spread(held_out.truth[index], (height, width)),
        spread(labels, (height, width)),
        (row_step * rows / height, column_step * columns / width),
    )


def pictures(shown: Slice, what: str) -> tuple[Picture, ...]:
    """The image, its errors, and the place with the most of them closer.

    Args:
        shown: The slice.
        what: It is, for those who do not see it: `P007-2, slice 3 of 9`.
    """
    found = [
        picture(plain(shown.image, spacing=shown.spacing), f"{what}: the image", caption="image"),
        picture(_errors(shown), f"{what}: errors over the image", caption="errors"),
    ]
    window = closer(shown)
    if window is not None:
        near = shown._replace(
            image=shown.image[window], truth=shown.truth[window], labels=shown.labels[window]
        )
        found.append(picture(_errors(near), f"{what}: errors, closer", caption="errors, closer"))
    return tuple(found)


def closer(shown: Slice) -> tuple[slice, slice] | None:
    """The window with the most errors, None of pictures that are small anyway, or where nothing is marked.

    Args:
        shown: The slice.

    Returns:
        Rows and columns.
    """
    wrong = np.logical_or.reduce(errors_of(shown.truth, shown.labels))
    marked = wrong if wrong.any() else (shown.truth > 0) & (shown.truth != IGNORE)
    box = bounding_box(marked)
    largest = max(marked.shape) // 3
    if box is None or largest < _LEAST_EDGE:
        return None
    around = _MARGIN * max(side.stop - side.start for side in box)
    edge = round(min(max(around, _LEAST_EDGE), largest))
    rows, columns = (
        slice(start := max(0, min(place - edge // 2, size - edge)), start + edge)
        for place, size in zip(_middle(marked, box, edge), marked.shape, strict=True)
    )
    return rows, columns


def _middle(marked: NDArray[np.bool_], box: Box, edge: int) -> tuple[int, int]:
    """The middle of all that is marked, or of what a window holds that holds the most of it."""
    if any(side.stop - side.start > edge for side in box):
        density = ndimage.uniform_filter(marked.astype(np.float32), edge, mode="constant")
        place = np.unravel_index(density.argmax(), density.shape)
        corner = [max(0, int(middle) - edge // 2) for middle in place]
        part = marked[corner[0] : corner[0] + edge, corner[1] : corner[1] + edge]
        inner = bounding_box(part)
        assert inner is not None
        return corner[0] + _half(inner[0]), corner[1] + _half(inner[1])
    return _half(box[0]), _half(box[1])


def _half(side: slice) -> int:
    return int(side.start + side.stop) // 2


def _errors(shown: Slice) -> RGB:
    return error_overlay(shown.image, shown.truth, shown.labels, spacing=shown.spacing)
