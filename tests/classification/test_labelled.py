"""Parts of labelled images are what they say, whatever the classes are numbered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classification.labelled import Decoding
from tests.classification.made_up import labelled

LABELS = st.lists(st.integers(0, 2), min_size=1, max_size=20)


@given(LABELS, st.integers(0, 5), st.none() | st.integers(1, 9), st.none() | st.integers(1, 3))
def test_a_part_is_cut_from_the_front_and_then_by_class(
    labels: list[int], skip: int, limit: int | None, most: int | None
) -> None:
    part = labelled(labels).part(skip=skip, limit=limit, max_per_class=most)

    rest = list(range(len(labels)))[skip:][:limit]
    expected = [
        place
        for number, place in enumerate(rest)
        if most is None or sum(labels[other] == labels[place] for other in rest[:number]) < most
    ]
    assert part.places.tolist() == expected
    assert part.labels.tolist() == [labels[place] for place in expected]


def test_classes_are_renumbered_by_name() -> None:
    images = labelled([0, 2, 2])

    renumbered = images.numbered_as(("owl", "cat"))

    assert renumbered.labels.tolist() == [1, 0, 0]
    assert renumbered.counts().tolist() == [2, 1]
    assert images.numbered_as(images.class_names) is images
    with pytest.raises(ValueError, match=r"classes owl, which are not among .* cat, dog"):
        images.numbered_as(("cat", "dog"))


def test_folders_of_imagenet_are_numbered_in_the_order_of_their_ids() -> None:
    ids = tuple(f"n{number:08}" for number in range(1000))
    names = tuple(f"animal {number}" for number in range(1000))

    assert labelled([0, 999], ids).numbered_as(names).labels.tolist() == [0, 999]
    with pytest.raises(ValueError, match="n00000000"):
        labelled([0], ids[:999]).numbered_as(names)
    with pytest.raises(ValueError, match="n00000000"):
        labelled([0], ids).numbered_as(names[1:])


def test_memory_holds_the_same_pixels_and_names() -> None:
    images, decoding = labelled([0, 1, 2]).at(np.array([2, 0])), Decoding()

    kept = images.in_memory(decoding)

    assert [kept.name(index) for index in range(2)] == ["image 2", "image 0"]
    for index in range(2):
        assert kept.read(index, decoding) is kept.read(index, decoding)
        assert np.array_equal(kept.read(index, decoding), images.read(index, decoding))


def test_grey_is_the_luma() -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [7, 7, 7]]], dtype=np.uint8)

    assert Decoding(channels=1).fit(pixels)[0, :, 0].tolist() == [76, 150, 7]
    assert Decoding().fit(pixels) is pixels
