"""Does an exported detector find what the detector itself finds?

Each detection is held against the nearest one of the other side, so that two of almost the same score may change
places. One whose score is within `SCORE_TOLERANCE` of the threshold, or of the last score of a full list, may be
missing: there the last bit of a float32 decides what is kept. Everything else has to be there, with the same label.

Corners of large boxes carry some 1e-4 px of rounding on either side. So where two results are farther apart than
`BOX_TOLERANCE`, the detector in float64 is the judge: the exported one may be off by twice what the detector is off,
and by no more than ten tolerances.
"""

import math
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Literal, NamedTuple

import torch

from lumbar.ops.structures import Detections, Images

BOX_TOLERANCE = 1e-3
"""Pixels of the canvas."""
SCORE_TOLERANCE = 1e-4

_MOST = 10
"""Tolerances that rounding can excuse."""

Predict = Callable[[Images], Detections]
Verdict = Literal["equal", "rounding", "DIFFERENT"]


class Case(NamedTuple):
    """A batch to compare on."""

    name: str
    images: Images


class Difference(NamedTuple):
    """How far two results are apart."""

    objects: int
    """Detections that had to agree."""
    boxes: float
    """Largest difference of a corner in pixels of the canvas; infinite where nothing stands against a detection."""
    scores: float
    """Largest difference of a score."""
    labels: bool
    """Whether all labels are the same."""

    def is_within(self, boxes: float, scores: float) -> bool:
        """Whether the labels are the same and the rest is within these bounds."""
        return self.labels and self.boxes <= boxes and self.scores <= scores


class Rivals(NamedTuple):
    """What finds objects in the same images."""

    eager: Predict
    """The detector itself."""
    exported: Predict
    """What was made of it."""
    exact: Predict
    """The detector in float64."""
    min_score: float
    """Score threshold of all three."""


class Comparison(NamedTuple):
    """What came of a case."""

    case: Case
    difference: Difference
    verdict: Verdict
    """rounding: beyond the tolerances, but as close to float64 as the detector itself."""
    seconds: float
    """Of the detector itself, for each image."""
    exported_seconds: float
    """Of what was made of it."""


def compare(expected: Detections, found: Detections, *, min_score: float) -> Difference:
    """Holds two results for the same images against each other.

    Args:
        expected: (B, D).
        found: (B, D).
        min_score: Threshold that the scores of both exceed.

    Returns:
        All objects, and the largest differences.
    """
    objects, boxes, scores, labels = zip(
        *(
            _compare_image(
                expected.image(row), found.image(row), _cut(expected, found, row, min_score)
            )
            for row in range(len(expected.valid))
        ),
        strict=True,
    )
    return Difference(sum(objects), max(boxes), max(scores), all(labels))


def _cut(expected: Detections, found: Detections, row: int, min_score: float) -> float:
    """The score up to which detections may be missing from one of the results."""
    last = [side.scores[row, -1].item() for side in (expected, found)]
    return max(min_score, *last) + SCORE_TOLERANCE


def _compare_image(ours: Detections, theirs: Detections, cut: float) -> Difference:
    """Compares detections without padding."""
    our_sure, their_sure = ours.scores > cut, theirs.scores > cut
    count = int(max(our_sure.sum(), their_sure.sum()))
    if not count:
        return Difference(0, 0.0, 0.0, labels=True)
    if not (len(ours.scores) and len(theirs.scores)):
        return Difference(count, math.inf, math.inf, labels=False)
    boxes = (ours.boxes[:, None] - theirs.boxes).abs().amax(-1)
    scores = (ours.scores[:, None] - theirs.scores).abs()
    distance = boxes + scores
    rows = torch.cat([our_sure.nonzero()[:, 0], distance.argmin(0)[their_sure]])
    columns = torch.cat([distance.argmin(1)[our_sure], their_sure.nonzero()[:, 0]])
    return Difference(
        count,
        boxes[rows, columns].max().item(),
        scores[rows, columns].max().item(),
        labels=torch.equal(ours.labels[rows], theirs.labels[columns]),
    )


def run_cases(cases: Sequence[Case], rivals: Rivals) -> list[Comparison]:
    """Compares on each case; the first one is predicted once more before, so that no time is that of a cold start.

    Args:
        cases: Batches.
        rivals: Whose results are compared.

    Returns:
        What came of each.
    """
    rivals.eager(cases[0].images)
    rivals.exported(cases[0].images)
    return [_run_case(case, rivals) for case in cases]


def _run_case(case: Case, rivals: Rivals) -> Comparison:
    start = perf_counter()
    expected = rivals.eager(case.images)
    middle = perf_counter()
    found = rivals.exported(case.images)
    end = perf_counter()
    difference = compare(expected, found, min_score=rivals.min_score)
    verdict: Verdict = "equal"
    if not difference.is_within(BOX_TOLERANCE, SCORE_TOLERANCE):
        verdict = _judge(rivals.exact(case.images), expected, found, rivals.min_score)
    count = len(expected.valid)
    return Comparison(case, difference, verdict, (middle - start) / count, (end - middle) / count)


def _judge(exact: Detections, expected: Detections, found: Detections, min_score: float) -> Verdict:
    own, others = (compare(exact, side, min_score=min_score) for side in (expected, found))
    bounds = (
        min(max(tolerance, 2 * off), _MOST * tolerance)
        for tolerance, off in ((BOX_TOLERANCE, own.boxes), (SCORE_TOLERANCE, own.scores))
    )
    return "rounding" if others.is_within(*bounds) else "DIFFERENT"


def table(comparisons: Sequence[Comparison]) -> str:
    """The comparisons as text, one line each, and the medians of their times."""
    seconds = median(each.seconds for each in comparisons)
    exported_seconds = median(each.exported_seconds for each in comparisons)
    rows = [
        ("image", "canvas", "objects", "boxes px", "scores", "labels", "", "eager s", "exported s"),
        *map(_cells, comparisons),
        ("median of an image", *[""] * 6, f"{seconds:.3f}", f"{exported_seconds:.3f}"),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _cells(comparison: Comparison) -> tuple[str, ...]:
    case, difference, verdict, seconds, exported_seconds = comparison
    batch, _, height, width = case.images.canvas.shape
    return (
        case.name,
        f"{batch} x {height} x {width}",
        str(difference.objects),
        f"{difference.boxes:.1e}",
        f"{difference.scores:.1e}",
        "same" if difference.labels else "differ",
        verdict,
        f"{seconds:.3f}",
        f"{exported_seconds:.3f}",
    )
