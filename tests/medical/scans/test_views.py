"""Mirrored twice is not mirrored; a mean of views does not depend on their order."""

from itertools import permutations

import numpy as np
import pytest

from medical.scans.views import mean, mirrored, views

MAPS = np.random.default_rng(0).random((4, 3, 5, 6), dtype=np.float32)


def test_the_first_view_is_the_slice_itself() -> None:
    assert views(()) == ((),)
    assert views(("horizontal", "both", "horizontal")) == ((), (-1,), (-2, -1))


@pytest.mark.parametrize("axes", views(("horizontal", "vertical", "both")))
def test_mirrored_twice_is_what_there_was(axes: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(mirrored(mirrored(MAPS, axes), axes), MAPS)


def test_the_words_mean_what_they_say() -> None:
    (_, horizontal, vertical) = views(("horizontal", "vertical"))
    picture = np.array([[[1, 2], [3, 4]]], np.float32)

    assert mirrored(picture, horizontal)[0].tolist() == [[2, 1], [4, 3]]
    assert mirrored(picture, vertical)[0].tolist() == [[3, 4], [1, 2]]


def test_a_mean_does_not_depend_on_the_order() -> None:
    means = [mean(iter(order)) for order in permutations(MAPS)]

    assert means[0].dtype == np.float32
    np.testing.assert_allclose(means[0], MAPS.mean(0), rtol=1e-6)
    assert all(np.array_equal(each, means[0]) for each in means)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
def test_a_mean_of_equals_is_what_they_are(number: int) -> None:
    np.testing.assert_array_equal(mean(MAPS[0] for _ in range(number)), MAPS[0])
