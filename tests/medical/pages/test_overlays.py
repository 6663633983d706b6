"""Overlays mark what was added and what was missed, each in its own way, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lumbar.data.pixel_classes import IGNORE, default_colours
from medical.pages.overlays import (
    CONFUSED,
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    Labels,
    class_legend,
    class_overlay,
    error_legend,
    error_overlay,
    errors_of,
    plain,
)
from medical.pages.pictures import RGB

GREY = np.full((40, 40, 3), 100, np.uint8)
LABELS = arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, IGNORE]))
COLOURS = default_colours(("background", "a", "b"))


def square(start: int, stop: int, label: int = 1) -> Labels:
    labels = np.zeros((40, 40), np.uint8)
    labels[start:stop, start:stop] = label
    return labels


def at(picture: RGB, row: int, column: int) -> RGB:
    """The block of a drawing that shows one pixel of the image."""
    factor = len(picture) // 40
    return picture[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]


@given(LABELS, LABELS)
def test_each_wrong_pixel_is_wrong_in_one_way(truth: Labels, prediction: Labels) -> None:
    wrong = np.stack(errors_of(truth, np.where(prediction == IGNORE, 0, prediction)))

    prediction = np.where(prediction == IGNORE, 0, prediction).astype(np.uint8)
    expected = (truth != prediction) & (truth != IGNORE)
    np.testing.assert_array_equal(wrong.sum(0), expected.astype(int))


@given(LABELS)
def test_swapping_truth_and_prediction_swaps_added_and_missed(labels: Labels) -> None:
    first, second = labels % IGNORE, np.roll(labels, 1) % IGNORE

    wrong, swapped = errors_of(first, second), errors_of(second, first)

    np.testing.assert_array_equal(wrong.false_positive, swapped.false_negative)
    np.testing.assert_array_equal(wrong.confused, swapped.confused)


def test_added_is_orange_and_missed_is_striped_blue() -> None:
    drawn = error_overlay(GREY, square(5, 15), square(10, 20))

    added, missed = at(drawn, 18, 18), at(drawn, 6, 10)
    assert len(np.unique(added.reshape(-1, 3), axis=0)) == 1
    assert np.abs(added[0, 0].astype(int) - FALSE_POSITIVE).max() < 40
    assert len(np.unique(missed.reshape(-1, 3), axis=0)) == 2
    assert (missed[..., 2] > missed[..., 0]).all()


def test_another_class_is_marked_and_the_right_one_is_not() -> None:
    truth = square(5, 30)
    prediction = truth.copy()
    prediction[20:25, 20:25] = 2

    drawn = error_overlay(GREY, truth, prediction)

    assert np.abs(at(drawn, 22, 22)[0, 0].astype(int) - CONFUSED).max() < 40
    np.testing.assert_array_equal(at(drawn, 10, 10), 100)
    np.testing.assert_array_equal(at(drawn, 35, 35), 100)


def test_the_outline_is_seen_on_light_and_dark_ground() -> None:
    for value in (0, 255):
        image = np.full_like(GREY, value)
        drawn = error_overlay(image, square(10, 20), square(10, 20)).astype(int)
        assert np.abs(drawn - value).max() > 200


def test_what_counts_nowhere_is_neither_added_nor_missed() -> None:
    truth = square(10, 20, IGNORE)

    drawn = error_overlay(GREY, truth, square(10, 20))

    shades = drawn.astype(int)
    assert (np.ptp(shades, axis=-1) == 0).all(), "coloured"
    assert (at(drawn, 15, 15) != 100).any()


def test_colours_of_errors_differ_in_lightness_too() -> None:
    luma = np.array([FALSE_POSITIVE, FALSE_NEGATIVE, CONFUSED]) @ [0.299, 0.587, 0.114]

    assert np.ptp(luma[:2]) < 30, "then the stripes have to tell them apart"
    assert error_legend().entries[1].text.startswith("missed")


def test_classes_are_tinted_in_their_colours_and_outlined() -> None:
    labels = square(5, 15)
    labels[20:30, 20:30] = 2

    drawn = class_overlay(GREY, labels, COLOURS)

    np.testing.assert_array_equal(at(drawn, 35, 5), 100)
    for label, place in ((1, 10), (2, 25)):
        inside = at(drawn, place, place)[0, 0].astype(int)
        assert ((inside - 100) * (np.array(COLOURS[label]) - 100) >= 0).all()
        assert (drawn == COLOURS[label]).all(-1).any()


def test_the_plain_image_is_as_large_as_its_overlays() -> None:
    image = np.zeros((30, 50, 3), np.uint8)
    labels = np.zeros((30, 50), np.uint8)
    for spacing in ((1.0, 1.0), (3.0, 1.0)):
        shown = plain(image, spacing=spacing)
        assert shown.shape == error_overlay(image, labels, labels, spacing=spacing).shape
        assert shown.shape == class_overlay(image, labels, COLOURS, spacing=spacing).shape


def test_large_images_are_reduced_after_drawing() -> None:
    image = np.zeros((1000, 700, 3), np.uint8)
    labels = np.zeros((1000, 700), np.uint8)

    assert error_overlay(image, labels, labels, edge=480).shape == (480, 336, 3)


def test_legends_name_what_is_drawn() -> None:
    kinds = [entry.kind for entry in error_legend(several_classes=True, void=True).entries]

    assert kinds == ["false-positive", "false-negative", "confused", "outline", "void"]
    assert [entry.text for entry in class_legend(("background", "a", "b"), COLOURS).entries] == [
        "a",
        "b",
    ]
