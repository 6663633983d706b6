"""Does an exported detector find what the detector itself finds?

Each detection is held against the nearest one of the other side, so that two of almost the same score may change
places. One whose score is within `SCORE_TOLERANCE` of the threshold, or of the last score of a full list, may be
missing: there the last bit of a float32 decides what is kept. Everything else has to be there, with the same label.

Corners of large boxes carry some 1e-4 px of rounding on either side. So where two results are farther apart than
`BOX_TOLERANCE`, the detector in float64 is the judge: the exported one may be off by twice what the detector is off,
and by no more than ten tolerances.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from lumbar.ops.structures import Detections, Images
from lumbar.tasks.export_check import Finding, Verdict

BOX_TOLERANCE = 1e-3
"""Pixels of the canvas."""
SCORE_TOLERANCE = 1e-4

_MOST = 10
"""Tolerances that rounding can excuse."""

Predict = Callable[[Images], Detections]


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


def judge(
    images: Images, expected: Detections, found: Detections, *, exact: Predict, min_score: float
) -> Finding:
    """Says whether differences are within the tolerances, or are rounding.

    Args:
        images: (B, C, H, W) canvas.
        expected: (B, D) found in them by the detector itself.
        found: (B, D) found by what was made of it.
        exact: The detector in float64.
        min_score: Score threshold of all three.
    """
    difference = compare(expected, found, min_score=min_score)
    verdict: Verdict = "equal"
    if not difference.is_within(BOX_TOLERANCE, SCORE_TOLERANCE):
        verdict = _judge_rounding(exact(images), expected, found, min_score)
    cells = {
        "objects": str(difference.objects),
        "boxes px": f"{difference.boxes:.1e}",
        "scores": f"{difference.scores:.1e}",
        "labels": "same" if difference.labels else "differ",
    }
    return Finding(difference.objects, cells, verdict)


def _judge_rounding(
    exact: Detections, expected: Detections, found: Detections, min_score: float
) -> Verdict:
    own, others = (compare(exact, side, min_score=min_score) for side in (expected, found))
    bounds = (
        min(max(tolerance, 2 * off), _MOST * tolerance)
        for tolerance, off in ((BOX_TOLERANCE, own.boxes), (SCORE_TOLERANCE, own.scores))
    )
    return "rounding" if others.is_within(*bounds) else "DIFFERENT"
