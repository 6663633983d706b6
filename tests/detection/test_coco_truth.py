"""What evaluators would misjudge is repaired, left out with a count, or refused with its place."""

import logging
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.coco_eval import score_coco
from detection.coco_truth import Kind, sanitise
from lumbar.data.categories import Categories
from tests.detection.coco_sets import made_up

BOX = [10.0, 20.0, 30.0, 40.0]
SIZE = [60, 80]
NAN, INF = float("nan"), float("inf")


def truth_of(*annotations: dict[str, Any]) -> dict[str, Any]:
    """Two images and two classes; annotations are of image 4 and class 9 unless they say more."""
    return {
        "images": [{"id": key, "height": SIZE[0], "width": SIZE[1]} for key in (4, 1)],
        "categories": [{"id": 9, "name": "cat"}, {"id": 0, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 9, "bbox": BOX} | row for row in annotations
        ],
    }


def result(**changes: Any) -> dict[str, Any]:
    return {"image_id": 4, "category_id": 9, "bbox": BOX, "score": 0.5} | changes


def test_ids_are_numbered_in_their_order_and_names_follow() -> None:
    truth = truth_of({"id": 0}, {"id": 0, "image_id": 1, "category_id": 0})

    columns = sanitise(truth, [result(), result(image_id=1, category_id=0)], "bbox")

    for found in columns:
        assert found.images.tolist() == [1, 0]
        assert found.labels.tolist() == [1, 0]
    assert columns[0].categories == Categories(names=("dog", "cat"), ids=(0, 9))


@pytest.mark.parametrize("ids", [(0, 1), (5, 5)])
def test_ids_of_annotations_cannot_spoil_a_match(ids: tuple[int, int]) -> None:
    truth = truth_of({"id": ids[0]}, {"id": ids[1], "bbox": [40, 5, 9, 9]})
    found = [result(), result(bbox=[40, 5, 9, 9])]

    assert score_coco(truth, found, "bbox").summary["AP"] == 1


def test_a_name_that_several_categories_have_gets_their_id() -> None:
    truth = truth_of()
    truth["categories"] += [{"id": 3, "name": "cat"}, {"id": 5}]

    assert list(score_coco(truth, [], "bbox").per_class) == ["dog", "cat (3)", "5", "cat (9)"]


@pytest.mark.parametrize("missing", [{}, {"area": None, "iscrowd": None}])
def test_a_missing_area_is_that_of_the_shape_and_a_missing_flag_means_no_crowd(
    missing: dict[str, None],
) -> None:
    polygon = [[10.0, 20.0, 30.0, 20.0, 30.0, 60.0, 10.0, 60.0]]
    annotations = missing | {"segmentation": polygon}, {"segmentation": polygon, "area": 0}
    truth = truth_of(*annotations, {"segmentation": polygon, "iscrowd": 1})

    for kind, area in (("bbox", 30 * 40), ("segm", 20 * 40)):
        columns, _ = sanitise(truth, [], kind)
        assert columns.areas.tolist() == [area, 0, area]
        assert columns.crowd.tolist() == [False, False, True]


def test_a_mask_with_a_box_has_the_area_of_the_mask() -> None:
    runs = {"size": SIZE, "counts": [60, 17, 60 * 80 - 77]}

    _, columns = sanitise(truth_of(), [result(segmentation=runs)], "segm")

    assert columns.areas.tolist() == [17]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 4), st.sampled_from([NAN, INF, -INF, 1e300, 10**400, -1]))
def test_unusable_results_are_left_out_and_counted(place: int, value: float) -> None:
    numbers = [*BOX, 0.5]
    numbers[place] = value
    usable = value == -1 and place not in (2, 3)
    bad = result(bbox=numbers[:4], score=numbers[4])

    _, kept = sanitise(truth_of({}), [bad, result(score=0.25)], "bbox")

    assert kept.scores[1 * usable :].tolist() == [0.25]
    assert kept.areas.tolist()[1 * usable :] == [30 * 40]


def test_what_is_not_a_number_matches_nothing(caplog: pytest.LogCaptureFixture) -> None:
    found = [result(bbox=[NAN] * 4), result(score=NAN)]

    with caplog.at_level(logging.WARNING):
        scores = score_coco(truth_of({}), found, "bbox")

    assert set(scores.summary.values()) <= {0, -1}
    assert "2 of 2 results are left out" in caplog.text


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_the_callers_data_stay_as_they_are(kind: Kind) -> None:
    truth, results = made_up(kind)
    before = deepcopy((truth, results))

    score_coco(truth, results, kind)

    assert (truth, results) == before


def test_numbers_of_numpy_and_whole_floats_are_numbers() -> None:
    found = result(image_id=np.int64(4), category_id=9.0, score=np.float32(0.5))
    found["bbox"] = [np.float32(x) for x in BOX]

    mine, plain = (sanitise(truth_of({}), [row], "bbox")[1] for row in (found, result()))
    for column, expected in zip(mine, plain, strict=True):
        np.testing.assert_array_equal(column, expected, strict=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_id": 5}, '1 of 2 results have a "image_id" .* "images" .* first are 5: are they'),
        ({"image_id": "4"}, "first are '4'"),
        ({"image_id": [4]}, r"first are \[4\]"),
        ({"category_id": 1}, '"category_id" .* "categories" .* first are 1'),
        ({"category_id": None}, "first are None"),
        ({"score": None}, r'results\[1\] \(counted from 0\): "score" must hold numbers, got None'),
        ({"score": "1"}, "got '1'"),
        ({"bbox": [1, 2, 3]}, r'results\[1\] .* "bbox" must be a list of four numbers'),
        ({"bbox": None}, "must be a list of four numbers .* got None"),
        ({"bbox": [1, 2, 3, "4"]}, "\"bbox\" must hold numbers, got '4'"),
    ],
)
def test_malformed_results_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sanitise(truth_of({}), [result(), result(**changes)], "bbox")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_id": 5}, '1 of 2 annotations have a "image_id"'),
        ({"category_id": 1}, '1 of 2 annotations have a "category_id"'),
        (
            {"bbox": [1, 2, NAN, 4]},
            r"annotations\[1\] .* four finite numbers, got \[1, 2, nan, 4\]",
        ),
        ({"bbox": None}, "must be a list of four numbers"),
        ({"area": INF}, '"area" must be finite, got inf'),
        ({"area": "big"}, "\"area\" must hold numbers, got 'big'"),
        ({"iscrowd": 2}, '"iscrowd" must be 0 or 1, got 2'),
    ],
)
def test_malformed_annotations_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sanitise(truth_of({}, changes), [], "bbox")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("images", None, '"images" must be a list of objects, got None'),
        ("annotations", [3], '"annotations" must be a list of objects'),
        ("images", [{"id": 4}, {"id": 4}], '"images" has the id 4 more than once'),
        ("categories", [{"id": "9"}], '"categories" needs a whole number as "id"'),
        ("images", [{"id": 4, "width": 5}], 'the image 4 needs its "height"'),
        ("images", [{"id": 4, "width": 0, "height": 5}], 'the image 4 needs its "width"'),
    ],
)
def test_malformed_tables_are_refused(key: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sanitise(truth_of() | {key: value}, [], "segm")


def test_masks_are_checked_at_their_place() -> None:
    found = result(segmentation={"size": SIZE, "counts": [3]})

    with pytest.raises(ValueError, match=r"results\[0\] .* add up to 3"):
        sanitise(truth_of(), [found], "segm")
    with pytest.raises(ValueError, match=r"annotations\[0\] .* must be polygons"):
        sanitise(truth_of({}), [], "segm")
