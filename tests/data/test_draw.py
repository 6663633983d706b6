"""Pictures show every box in the colour of its class, leave the rest alone, and lose nothing when put together."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.coco import read_coco
from lumbar.data.draw import (
    Picture,
    _tag_places,
    _text_colour,
    class_colour,
    contact_sheet,
    draw_boxes,
    side_by_side,
)
from lumbar.data.image_io import read_image

NAMES = ["red blood cell", "cat", "dog"]
edges = st.floats(-50, 700)
NOTHING = np.zeros((0, 4)), np.zeros(0, dtype=np.int64)


def noise(height: int, width: int, channels: int = 3) -> Picture:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_a_frame_lies_on_the_edge_of_its_box() -> None:
    image = noise(500, 640)
    before = image.copy()
    drawn = draw_boxes(image, np.array([[100.0, 120.0, 300.0, 260.0]]), np.array([1]), NAMES)

    colour = class_colour(1)
    frame = np.zeros((500, 640), dtype=bool)
    frame[120:260, 100:300] = True
    frame[122:258, 102:298] = False
    assert (drawn[frame] == colour).all()
    np.testing.assert_array_equal(drawn[122:258, 102:298], image[122:258, 102:298])
    np.testing.assert_array_equal(drawn[261:], image[261:])
    np.testing.assert_array_equal(drawn[:, 301:], image[:, 301:])
    np.testing.assert_array_equal(image, before)


def test_without_boxes_nothing_changes() -> None:
    image = noise(480, 500)

    np.testing.assert_array_equal(draw_boxes(image, *NOTHING, NAMES), image)


@pytest.mark.parametrize(("size", "factor"), [((240, 320), 2), ((100, 400), 5), ((4, 4), 8)])
def test_small_images_are_enlarged_with_their_boxes(size: tuple[int, int], factor: int) -> None:
    box = np.array([[0.0, 0.0, *size[::-1]]])
    drawn = draw_boxes(np.zeros((*size, 1), dtype=np.uint8), box, np.array([0]), ["x"])

    assert drawn.shape == (size[0] * factor, size[1] * factor, 3)
    assert tuple(drawn[-1, -1]) == class_colour(0)


def test_grey_images_become_rgb() -> None:
    image = noise(480, 480, channels=1)

    np.testing.assert_array_equal(draw_boxes(image, *NOTHING, NAMES), np.tile(image, (1, 1, 3)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(edges, edges, edges, edges), max_size=3))
def test_any_boxes_can_be_drawn(corners: list[tuple[float, float, float, float]]) -> None:
    first, second = np.reshape(corners, (-1, 2, 2)).transpose(1, 0, 2)
    boxes = np.concatenate((np.minimum(first, second), np.maximum(first, second)), axis=1)
    labels = np.arange(len(boxes))
    drawn = draw_boxes(np.zeros((480, 640, 3), np.uint8), boxes, labels, NAMES, labels / 3)

    assert drawn.shape == (480, 640, 3)
    for label in labels:
        assert (drawn == class_colour(int(label))).all(-1).any()


def test_tags_of_tall_thin_boxes_do_not_hide_each_other() -> None:
    boxes = np.array([[580.0, 0, 580, 462], [528, 0, 530, 1], [523, 0, 541, 462]])
    drawn = draw_boxes(np.zeros((480, 640, 3), np.uint8), boxes, np.arange(3), NAMES)

    for label in range(3):
        assert (drawn == class_colour(label)).all(-1).sum() > 200


def test_scores_are_written_behind_the_names() -> None:
    boxes, labels = np.array([[50.0, 50.0, 300.0, 300.0]]), np.array([1])
    plain, scored = (
        draw_boxes(np.zeros((480, 480, 3), np.uint8), boxes, labels, ["cat", name], scores)
        for name, scores in (("cat 0.50", None), ("cat", np.array([0.498])))
    )

    np.testing.assert_array_equal(plain, scored)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80), st.integers(1, 20)), max_size=8),
    st.integers(5, 40),
)
def test_tags_lie_inside_the_picture(places: list[tuple[int, int, int]], width: int) -> None:
    frames = [(left, top, left + edge, top + edge) for left, top, edge in places]
    tags = _tag_places(frames, [(width, 9)] * len(frames), (100, 100))

    assert len(tags) == len(frames)
    for left, top, right, bottom in tags:
        assert (right - left, bottom - top) == (width, 9)
        assert left >= 0
        assert top >= 0
        assert right <= 100
        assert bottom <= 100


def test_tags_make_room_for_each_other() -> None:
    tags = _tag_places([(40, 40, 70, 70)] * 4, [(15, 9)] * 4, (100, 100))

    for first, second in combinations(tags, 2):
        assert min(first[2], second[2]) <= max(first[0], second[0]) or min(
            first[3], second[3]
        ) <= max(first[1], second[1])


def test_neighbouring_classes_look_different() -> None:
    colours = np.array([class_colour(label) for label in range(90)])

    for distance in (1, 2, 3):
        steps = np.abs(colours[distance:] - colours[:-distance]).sum(1)
        assert steps.min() > 100
    assert len(np.unique(colours, axis=0)) == 90


def test_names_can_be_read_on_every_colour() -> None:
    for label in range(90):
        background = class_colour(label)
        high, low = sorted((_luminance(background), _luminance(_text_colour(background))))[::-1]
        assert (high + 0.05) / (low + 0.05) > 3  # enough for large text by WCAG 2.1, 1.4.3


def test_pictures_lie_side_by_side_under_captions() -> None:
    left, right = noise(60, 80), 255 - noise(60, 90)
    joined = side_by_side({"ground truth": left, "predicted": right})

    rows = slice(joined.shape[0] - 12 - 60, joined.shape[0] - 12)
    np.testing.assert_array_equal(joined[rows, 12:92], left)
    np.testing.assert_array_equal(joined[rows, 104:194], right)
    captions = joined[: rows.start]
    assert captions[:, :92].min() < 100
    assert captions[:, 104:].min() < 100


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=7),
    st.integers(1, 4),
)
def test_a_sheet_shows_all_of_every_picture_in_order(
    sizes: list[tuple[int, int]], columns: int
) -> None:
    pictures = [np.full((*size, 3), number, dtype=np.uint8) for number, size in enumerate(sizes)]
    sheet = contact_sheet(pictures, columns)

    starts = []
    for number, (height, width) in enumerate(sizes):
        rows, places = np.nonzero(sheet[..., 0] == number)
        assert len(rows) == height * width
        assert (rows.max() - rows.min() + 1, places.max() - places.min() + 1) == (height, width)
        starts.append((rows.mean(), places.mean()))
    for number in range(1, len(sizes)):
        if number % columns:
            assert starts[number][1] > starts[number - 1][1]
        if number >= columns:
            assert starts[number][0] > starts[number - columns][0]


def test_a_real_image_with_many_boxes(examples: Path) -> None:
    folder = examples / "coco"
    records = read_coco(folder / "annotations" / "instances.json", folder / "images", name="val")
    busiest = max(records, key=lambda record: len(record.boxes))
    image = read_image(busiest.path)

    drawn = draw_boxes(image, busiest.boxes, busiest.labels, records.categories.names)

    assert drawn.shape == image.shape
    for label in set(busiest.labels.tolist()):
        assert (drawn == class_colour(label)).all(-1).sum() > 50


def _luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance of an sRGB colour, as WCAG 2.1 defines it."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
