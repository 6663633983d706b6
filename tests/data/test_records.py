"""Flat arrays give each image its own objects, whatever their order and whatever is taken of them."""

import logging
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.categories import Categories
from lumbar.data.records import Annotations, BoxTable, ImageTable, Record, Records, Repair

HEIGHT, WIDTH = 40, 60


def build(owners: list[int], boxes: object, num_images: int = 4, **columns: object) -> Records:
    count = len(owners)
    images = ImageTable(
        names=np.array([f"{index}.jpg" for index in range(num_images)], dtype=np.str_),
        ids=np.arange(num_images) * 10,
        sizes=np.array([[HEIGHT, WIDTH]] * num_images, dtype=np.int64).reshape(-1, 2),
    )
    objects = BoxTable(
        owners=np.array(owners, dtype=np.int64),
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        labels=np.arange(count),
        crowd=np.array(columns.get("crowd", [False] * count), dtype=np.bool_),
        areas=np.array(columns.get("areas", [np.nan] * count), dtype=np.float64),
    )
    names = tuple(str(index) for index in range(count))
    categories = Categories(names=names, ids=tuple(range(count)))
    annotations = Annotations.build(images, objects, categories=categories, repairs={})
    return Records.whole(annotations, Path("images"), source="data.val")


def same(first: Record, second: Record) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 6))
def test_each_image_gets_its_objects_in_the_order_of_the_file(
    owners: list[int], limit: int
) -> None:
    records = build(owners, [[index, 0, 5, 5] for index in range(len(owners))])

    for index, record in enumerate(records):
        expected = [place for place, owner in enumerate(owners) if owner == index]
        assert record.labels.tolist() == expected
        assert record.raw_boxes[:, 0].tolist() == expected
        assert (record.image_id, record.path) == (index * 10, Path(f"images/{index}.jpg"))
        assert record.size == (HEIGHT, WIDTH)

    first = records.first(limit)
    assert len(first) == min(limit, 4)
    assert all(map(same, first, records))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from([-1, 0, 5])), max_size=10)
)
def test_images_with_boxes_are_those_with_something_to_train_on(
    objects: list[tuple[int, bool, int]],
) -> None:
    owners, crowd, widths = (
        ([*column] for column in zip(*objects, strict=True)) if objects else ([], [], [])
    )
    records = build(owners, [[1, 1, width, 5] for width in widths], crowd=crowd)

    kept = {record.image_id: record for record in records.with_boxes()}

    for record in records:
        has_boxes = bool((record.usable & ~record.crowd).any())
        assert has_boxes == (record.image_id in kept)
        assert not has_boxes or same(record, kept[record.image_id])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-20, 80), st.floats(-20, 80), st.floats(-5, 80), st.floats(-5, 80)),
        max_size=8,
    )
)
def test_boxes_are_clipped_and_raw_boxes_are_not(boxes: list[tuple[float, ...]]) -> None:
    records = build([0] * len(boxes), boxes)
    record = records[0]

    np.testing.assert_array_equal(record.raw_boxes, np.reshape(boxes, (-1, 4)))
    x1, y1, x2, y2 = record.boxes[record.usable].T
    assert np.all((x1 >= 0) & (x1 < x2) & (x2 <= WIDTH) & (y1 >= 0) & (y1 < y2) & (y2 <= HEIGHT))
    inside = [
        x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= WIDTH and y + h <= HEIGHT
        for x, y, w, h in boxes
    ]
    raw = record.raw_boxes[inside]
    np.testing.assert_array_equal(record.boxes[inside][:, :2], raw[:, :2])
    np.testing.assert_array_equal(record.boxes[inside][:, 2:], raw[:, :2] + raw[:, 2:])


def test_areas_are_those_of_the_file_or_of_the_raw_box() -> None:
    records = build([0, 0], [[0, 0, 4, 5], [50, 30, 20, 20]], areas=[7.5, np.nan])

    assert records[0].areas.tolist() == [7.5, 400.0]


def test_repairs_are_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    flat, outside, cut = [[0, 0, 0, 5], [0, 0, 5, -1]], [WIDTH, 0, 5, 5], [-3, 0, 9, 9]
    with caplog.at_level(logging.WARNING):
        records = build([0, 1, 2, 3, 3, 3], [[0, 0, 5, 5], *flat, outside, cut, [59, 0, 1.004, 1]])

    assert records.annotations.repairs == {
        "boxes without width or height: left out of training": Repair(2, "1.jpg"),
        "boxes outside their image: left out of training": Repair(1, "3.jpg"),
        "boxes partly outside their image: clipped for training": Repair(1, "3.jpg"),
    }
    assert [record.usable.tolist() for record in records][2:] == [[False], [False, True, True]]
    [message] = caplog.messages
    assert message.startswith(
        "data.val: boxes without width or height: left out of training (2, first in 1.jpg); "
    )


def test_nothing_is_logged_about_a_good_file(caplog: pytest.LogCaptureFixture) -> None:
    assert build([0], [[0, 0, 5, 5]]).annotations.repairs == {}
    assert not caplog.messages


def test_a_split_ends() -> None:
    records = build([0], [[0, 0, 5, 5]])

    assert same(records[-1], records[3])
    with pytest.raises(IndexError):
        records[4]


def test_a_split_without_images_is_empty() -> None:
    records = build([], [], num_images=0)

    assert len(records) == len(records.first(3)) == len(records.with_boxes()) == 0


def test_workers_get_an_equal_copy() -> None:
    records = build([2, 0], [[0, 0, 5, 5], [1, 1, 5, 5]])

    assert all(map(same, pickle.loads(pickle.dumps(records)), records))


def test_columns_and_classes_are_those_of_the_chosen_images() -> None:
    records = build([1, 3], [[0, 0, 5, 5], [1, 1, 5, 5]]).with_boxes()
    other = Categories(names=("1", "none", "0"), ids=(5, 6, 7))

    renumbered = replace(records, numbers=np.array([2, 0]), categories=other)

    assert records.image_ids.tolist() == [10, 30]
    assert records.sizes.tolist() == [[HEIGHT, WIDTH]] * 2
    assert [record.labels.tolist() for record in renumbered] == [[2], [0]]
    assert [record.labels.tolist() for record in renumbered.first(1)] == [[2]]
