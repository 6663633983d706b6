"""Who takes what: rules of the game on a few boxes, and overlaps as COCO's own code computes them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as mask_api

from detection import coco_matching
from detection.coco_columns import Results, Truth
from detection.coco_matching import (
    IGNORED,
    NOTHING,
    OBJECT,
    Pairs,
    box_overlaps,
    find_pairs,
    mask_overlaps,
    match,
)
from lumbar.data.categories import Categories
from lumbar.data.coco_masks import read_mask

CATEGORIES = Categories(names=("a", "b"), ids=(1, 2))
SQUARE = [0.0, 0.0, 10.0, 10.0]


def columns(
    objects: list[list[float]], found: list[list[float]], crowd: list[int]
) -> tuple[Truth, Results]:
    """Objects and results, by falling score, of one image and class."""
    boxes, results = np.array(objects), np.array(found)
    truth = Truth(
        images=np.zeros(len(boxes), dtype=np.int64),
        labels=np.zeros(len(boxes), dtype=np.int64),
        shapes=boxes,
        areas=boxes[:, 2:].prod(axis=1),
        crowd=np.array(crowd, dtype=bool),
        num_images=1,
        categories=CATEGORIES,
    )
    none = np.zeros(len(results), dtype=np.int64)
    return truth, Results.of_boxes(none, none, results, np.linspace(1, 0, len(results)))


def play(
    objects: list[list[float]], found: list[list[float]], *, crowd: list[int], ignored: list[int]
) -> NDArray[np.int8]:
    """What each result takes at an overlap of one half."""
    truth, results = columns(objects, found, crowd)
    pairs = find_pairs(truth, results, np.arange(len(found)), box_overlaps)
    takes = np.full(len(found), NOTHING)
    takes[pairs.contenders] = match(pairs, np.array(ignored, dtype=bool), truth.crowd)[0]
    return takes


def test_an_object_is_taken_once_and_by_the_first() -> None:
    takes = play([SQUARE], [[50, 0, 10, 10], SQUARE, SQUARE], crowd=[0], ignored=[0])

    assert takes.tolist() == [NOTHING, OBJECT, NOTHING]


def test_the_larger_overlap_wins_and_the_next_takes_what_is_left() -> None:
    other = [2.0, 0.0, 10.0, 10.0]

    for objects in ([SQUARE, other], [other, SQUARE]):
        takes = play(objects, [SQUARE] * 3, crowd=[0, 0], ignored=[0, 0])
        assert takes.tolist() == [OBJECT, OBJECT, NOTHING]


def test_of_equal_overlaps_the_last_is_taken() -> None:
    """The second result reaches the first object only."""
    objects, found = [SQUARE, [4.0, 0.0, 10.0, 10.0]], [[2.0, 0.0, 10.0, 10.0], SQUARE]

    assert play(objects, found, crowd=[0, 0], ignored=[0, 0]).tolist() == [OBJECT, OBJECT]
    assert play(objects[::-1], found, crowd=[0, 0], ignored=[0, 0]).tolist() == [OBJECT, NOTHING]


def test_an_ignored_object_is_taken_only_where_no_other_is_left() -> None:
    near = [1.0, 0.0, 10.0, 10.0]

    takes = play([SQUARE, near], [SQUARE] * 3, crowd=[0, 0], ignored=[1, 0])

    assert takes.tolist() == [OBJECT, IGNORED, NOTHING]


def test_a_crowd_is_taken_again_and_again_by_what_lies_in_it() -> None:
    small = [3.0, 3.0, 2.0, 2.0]

    takes = play([SQUARE], [small, small, [9.0, 9.0, 3.0, 3.0]], crowd=[1], ignored=[1])

    assert takes.tolist() == [IGNORED, IGNORED, NOTHING]


def test_images_and_classes_are_apart() -> None:
    truth, results = columns([SQUARE] * 2, [SQUARE] * 4, [0, 0])
    truth = truth._replace(num_images=2, images=np.array([0, 1]), labels=np.array([1, 0]))
    places = {"images": np.array([0, 0, 1, 1]), "labels": np.array([0, 1, 0, 1])}

    pairs = find_pairs(truth, results._replace(**places), np.zeros(4, dtype=np.int64), box_overlaps)

    assert pairs.contenders.tolist() == [1, 2]
    assert pairs.objects.tolist() == [0, 1]


def test_pairs_are_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(5, 9, (30, 4)).tolist()

    def found() -> Pairs:
        return find_pairs(*columns(boxes[:9], boxes, [0] * 9), np.arange(30), box_overlaps)

    whole = found()
    monkeypatch.setattr(coco_matching, "_AT_ONCE", 20)
    assert len(whole.objects) > 40
    for mine, other in zip(found(), whole, strict=True):
        np.testing.assert_array_equal(mine, other)


numbers = st.one_of(st.integers(0, 6), st.floats(0, 6, width=32))
boxes = st.tuples(numbers, numbers, numbers, numbers)


@settings(max_examples=60, deadline=None)
@given(boxes, boxes, st.booleans())
def test_overlaps_of_boxes_have_the_bits_of_cocos(
    found: tuple[float, ...], truth: tuple[float, ...], crowd: bool
) -> None:
    [overlap] = box_overlaps(np.array([found]), np.array([truth]), np.array([crowd]))

    pair = (np.array([box], dtype=np.float64) for box in (found, truth))
    assert overlap == mask_api.iou(*pair, [crowd]).item()


def test_overlaps_of_masks_count_pixels() -> None:
    masks = np.empty(2, dtype=object)
    masks[:] = [read_mask({"size": [4, 6], "counts": c}, (4, 6)) for c in ([0, 8, 16], [4, 12, 8])]

    overlaps = mask_overlaps(masks, masks[::-1], np.array([False, True]))

    assert overlaps.tolist() == [4 / 16, 4 / 12]
