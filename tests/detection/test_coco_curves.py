"""Curves are pycocotools' number by number, also where scores, overlaps and areas are equal to the last bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.coco_curves import compute_curves
from detection.coco_matching import box_overlaps, mask_overlaps
from detection.coco_truth import Kind, sanitise
from tests.detection.coco_sets import by_pycocotools, made_up


def check_equal_to_pycocotools(
    truth: dict[str, Any], results: list[dict[str, Any]], kind: Kind
) -> None:
    """All numbers before any mean are the same."""
    overlap = box_overlaps if kind == "bbox" else mask_overlaps
    curves = compute_curves(*sanitise(truth, results, kind), overlap)
    expected = by_pycocotools(truth, results, kind)

    np.testing.assert_array_equal(
        curves.precision, expected.precision[..., 2].transpose(3, 0, 2, 1)
    )
    np.testing.assert_array_equal(curves.recall, expected.recall.transpose(2, 3, 0, 1))


def crowded(seed: int, images: int, objects: int, results: int) -> tuple[dict[str, Any], list[Any]]:
    """Boxes on a coarse grid in random order: many are equal, overlap alike, or are of a size at a limit."""
    rng = np.random.default_rng(seed)

    def rows(count: int) -> list[dict[str, Any]]:
        corners = rng.integers(0, 3, (count, 2)) * 8
        sides = rng.choice([24, 32, 40, 96], (count, 2), p=[0.3, 0.4, 0.2, 0.1])
        return [
            {
                "image_id": int(rng.integers(images)) + 1,
                "category_id": int(rng.integers(3)) + 1,
                "bbox": box,
            }
            for box in np.concatenate((corners, sides), axis=1).tolist()
        ]

    annotations = [
        row | {"id": n, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": int(rng.random() < 0.2)}
        for n, row in enumerate(rows(objects), start=1)
    ]
    found = [row | {"score": int(rng.integers(4)) / 4} for row in rows(results)]
    truth = {
        "images": [{"id": n + 1} for n in rng.permutation(images).tolist()],
        "categories": [{"id": n, "name": f"class {n}"} for n in (2, 1, 3)],
        "annotations": annotations,
    }
    return truth, found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 40), st.integers(1, 120))
def test_ties_are_broken_as_by_pycocotools(
    seed: int, images: int, objects: int, results: int
) -> None:
    check_equal_to_pycocotools(*crowded(seed, images, objects, results), "bbox")


def test_more_results_than_count_are_ranked_as_by_pycocotools() -> None:
    check_equal_to_pycocotools(*crowded(0, 1, 60, 900), "bbox")


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_curves_of_boxes_and_masks_are_those_of_pycocotools(kind: Kind) -> None:
    check_equal_to_pycocotools(*made_up(kind), kind)


def test_recalls_are_reached_where_quotients_say() -> None:
    """With n objects found one by one, the precision at each recall tells after how many it was reached."""
    for count in (1, 3, 7, 10, 29, 100, 121):
        boxes = [[20 * n, 0, 10, 10] for n in range(count)]
        place = {"image_id": 1, "category_id": 1}
        truth = {
            "images": [{"id": 1}, {"id": 2}],
            "categories": [{"id": 1}],
            "annotations": [
                place | {"id": n + 1, "bbox": box, "area": 100, "iscrowd": 0, "image_id": 1 + n % 2}
                for n, box in enumerate(boxes)
            ],
        }
        results = [
            place | {"bbox": box, "score": 1 / (n + 1), "image_id": 1 + n % 2}
            for n, box in enumerate(boxes)
        ]
        results += [row | {"bbox": [0, 50, 5, 5]} for row in results[1::3]]
        check_equal_to_pycocotools(truth, results, "bbox")


def test_without_any_class_nothing_is_drawn() -> None:
    truth: dict[str, Any] = {"images": [{"id": 1}], "categories": [], "annotations": []}

    curves = compute_curves(*sanitise(truth, [], "bbox"), box_overlaps)

    assert curves.precision.shape == (4, 10, 0, 101)
    assert curves.recall.shape == (4, 3, 10, 0)
