"""A region is suspect where the model is sure and the mask says otherwise, unless it is but a rim."""

import numpy as np
import pytest
from numpy.typing import NDArray

from medical.report.suspects import Suspect, find_suspect

Labels = NDArray[np.uint8]


def mask(*boxes: tuple[int, slice, slice], value: int = 1) -> Labels:
    found = np.zeros((3, 40, 40), np.uint8)
    for depth, rows, columns in boxes:
        found[depth, rows, columns] = value
    return found


def said(labels: Labels, sureness: float = 0.97, classes: int = 3) -> NDArray[np.float32]:
    """Probabilities of a model that is so sure of these labels."""
    rest = (1 - sureness) / (classes - 1)
    return np.stack([np.where(labels == k, sureness, rest) for k in range(classes)]).astype(
        np.float32
    )


BOX = (1, slice(5, 15), slice(5, 15))
OTHER = (2, slice(20, 30), slice(10, 25))


def test_what_is_not_drawn_is_found() -> None:
    assert find_suspect(said(mask(BOX, OTHER)), mask(BOX)) == Suspect(
        "not drawn", 8 * 13, 8 * 13 / 250, 2
    )


def test_what_is_drawn_where_nothing_is_is_found() -> None:
    found = find_suspect(said(mask(OTHER)), mask(BOX, OTHER))

    assert found is not None
    assert (found.kind, found.slice) == ("drawn", 1)


def test_another_class_is_found() -> None:
    found = find_suspect(said(mask(BOX, value=2)), mask(BOX))

    assert found is not None
    assert found.kind == "another class"


def test_the_largest_is_named() -> None:
    truth, labels = mask(BOX), mask(OTHER)

    found = find_suspect(said(labels), truth)

    assert found is not None
    assert found.kind == "not drawn"


@pytest.mark.parametrize(
    ("labels", "truth", "sureness"),
    [
        (mask(BOX), mask(BOX), 0.97),
        (mask(BOX), mask((1, slice(5, 15), slice(6, 16))), 0.97),
        (mask(BOX, OTHER), mask(BOX), 0.7),
        (mask(BOX, OTHER), mask(BOX) + mask(OTHER, value=255), 0.97),
    ],
    ids=["right", "a pixel aside", "unsure", "where nothing counts"],
)
def test_there_is_nothing_to_look_at(labels: Labels, truth: Labels, sureness: float) -> None:
    assert find_suspect(said(labels, sureness), truth) is None
