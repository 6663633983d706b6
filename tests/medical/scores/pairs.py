"""Predicted and true masks for the scores: blobs, random voxels, and the five cases on which toolkits disagree."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medical.scores.case_scores import ClassScores, score_case
from medical.scores.rows import Row
from medical.scores.table import CaseTable
from tests.segmentation.five_cases import five_cases

Labels = NDArray[np.uint8]

SHAPES = ((1, 5, 6), (4, 5, 3), (1, 1, 4), (2, 2, 2))
"""Small pictures and scans."""


def blobs(shape: tuple[int, int, int], *, seed: int, num_classes: int = 3) -> tuple[Labels, Labels]:
    """(D, H, W) predicted and true labels of smooth shapes that partly agree; no class is empty in either."""
    random = np.random.default_rng(seed)
    sigma = (0.0 if shape[0] == 1 else 1.5, 3.0, 3.0)
    base, *noise = (gaussian_filter(random.standard_normal(shape), sigma) for _ in range(3))
    fields = [base + 0.4 * part for part in noise]
    cuts = [np.quantile(field, np.linspace(0.6, 1, num_classes)[:-1]) for field in fields]
    first, second = (
        np.searchsorted(cut, field).astype(np.uint8)
        for cut, field in zip(cuts, fields, strict=True)
    )
    return first, second


@st.composite
def pairs(
    draw: st.DrawFn, *, values: tuple[int, ...] = (0, 0, 1, 2), void: bool = False
) -> tuple[Labels, Labels]:
    """(D, H, W) predicted and true labels of random voxels; where `void`, some of the true ones are 255."""
    shape = draw(st.sampled_from(SHAPES))
    predicted, true = (
        draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from(kinds)))
        for kinds in (values, (*values, 255) if void else values)
    )
    return predicted, true


def five() -> list[tuple[Labels, Labels]]:
    """(1, 64, 64) predicted and true labels of each of the five cases."""
    predicted, true = five_cases()
    return [
        (one.numpy()[None], other.numpy()[None]) for one, other in zip(predicted, true, strict=True)
    ]


def score(predicted: Labels, true: Labels, **changes: object) -> tuple[ClassScores, ...]:
    """Scores of one case in pixels."""
    settings = {"num_classes": 3, "spacing": None, "tolerance": 1.0} | changes
    return score_case(predicted, true, **settings)


def five_table() -> CaseTable:
    """The five cases, of three patients."""
    rows = tuple(
        Row(
            alias=f"P{patient:03}-{place}",
            patient=patient,
            fold=place % 2,
            class_name="lesion",
            scores=score(*pair, num_classes=2)[0],
            expected_dice=0.9 - place / 10,
            strata={"site": "north" if place < 3 else "south"},
        )
        for place, (patient, pair) in enumerate(zip((1, 1, 2, 3, 3), five(), strict=True))
    )
    return CaseTable(rows, "px", 1.0)
