"""The spellings of a mask mean the same; what would crash compiled code, or show it foreign memory, is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as mask_api

from lumbar.data.coco_masks import decode_mask, mask_area, read_mask

SIZE = (12, 10)
PIXELS = 120
SQUARE = [2.0, 3.0, 7.0, 3.0, 7.0, 9.0, 2.0, 9.0]


def compressed(counts: list[int]) -> str:
    text: bytes = mask_api.frPyObjects({"size": [*SIZE], "counts": counts}, *SIZE)["counts"]
    return text.decode()


@st.composite
def runs(draw: st.DrawFn) -> list[int]:
    """Run lengths that fill the image, zeros among them."""
    cuts = sorted(draw(st.lists(st.integers(0, PIXELS), max_size=30)))
    counts: list[int] = np.diff([0, *cuts, PIXELS]).tolist()
    return counts


@settings(max_examples=60)
@given(runs())
def test_run_lengths_mean_the_same_in_both_spellings(counts: list[int]) -> None:
    plain = read_mask({"size": [*SIZE], "counts": counts}, SIZE)

    for text in (compressed(counts), compressed(counts).encode()):
        assert read_mask({"size": [*SIZE], "counts": text}, SIZE) == plain
    assert mask_area(plain) == sum(counts[1::2])


@settings(max_examples=60)
@given(runs(), st.integers(0, 30), st.integers(0, PIXELS))
def test_runs_of_no_length_mean_nothing(counts: list[int], place: int, cut: int) -> None:
    place %= len(counts)
    cut = min(cut, counts[place])
    split = [*counts[:place], cut, 0, counts[place] - cut, *counts[place + 1 :]]

    for spelling in (split, compressed(split)):
        mask = read_mask({"size": [*SIZE], "counts": spelling}, SIZE)
        assert mask == read_mask({"size": [*SIZE], "counts": [0, 0, *counts]}, SIZE)


@settings(max_examples=60)
@given(runs(), st.integers(-3, 3).filter(bool), st.integers(0, 30))
def test_run_lengths_that_do_not_fill_the_image_are_refused(
    counts: list[int], excess: int, place: int
) -> None:
    counts[place % len(counts)] += excess

    for spelling in (counts, compressed([max(count, 0) for count in counts])):
        if isinstance(spelling, list) or min(counts) >= 0:
            with pytest.raises(ValueError, match=r"add up|whole numbers"):
                read_mask({"size": [*SIZE], "counts": spelling}, SIZE)


@settings(max_examples=200)
@given(runs(), st.integers(0, 60), st.text(st.characters(codec="latin-1"), max_size=2))
def test_a_damaged_text_never_makes_a_mask_beyond_the_image(
    counts: list[int], place: int, damage: str
) -> None:
    text = compressed(counts)
    place %= len(text)
    damaged = {"size": [*SIZE], "counts": text[:place] + damage + text[place + 1 :]}
    try:
        mask = read_mask(damaged, SIZE)
    except ValueError:
        return
    x, y, w, h = mask_api.toBbox(mask)
    assert 0 <= mask_area(mask) <= w * h
    assert x + w <= SIZE[1]
    assert y + h <= SIZE[0]


def test_the_mask_of_polygons_is_their_union() -> None:
    right = [x + 3 * (place % 2 == 0) for place, x in enumerate(SQUARE)]

    assert mask_area(read_mask([SQUARE], SIZE)) == 5 * 6
    assert mask_area(read_mask([SQUARE, right], SIZE)) == 8 * 6


def test_polygons_may_reach_outside_the_image() -> None:
    assert mask_area(read_mask([[-50, -50, 90, -50, 90, 90, -50, 90]], SIZE)) == PIXELS


NAN, INF = float("nan"), float("inf")
TOO_LONG = np.random.default_rng(0).uniform(0, 1000, 20_000).tolist()


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        (None, "must be polygons"),
        ([], "must be polygons"),
        ("RLE", "must be polygons"),
        ([[]], "at least 6 numbers"),
        ([SQUARE[:4]], "at least 6 numbers"),
        ([SQUARE[:7]], "at least 6 numbers"),
        ([SQUARE, 5], "at least 6 numbers"),
        ([[*SQUARE[:7], NAN]], "at most 1e.06, got nan"),
        ([[*SQUARE[:7], -INF]], "at most 1e.06, got -inf"),
        ([[*SQUARE[:7], 2e8]], "at most 1e.06, got 2"),
        ([[*SQUARE[:7], 10**400]], "at most 1e.06, got 1000"),
        ([[*SQUARE[:7], "9"]], "at most 1e.06, got '9'"),
        ([TOO_LONG], "outline .* pixels long"),
        ({"size": [*SIZE]}, '"counts" must be'),
        ({"size": [10, 12], "counts": [PIXELS]}, r"\[12, 10\], but the mask has .* \[10, 12\]"),
        ({"counts": [PIXELS]}, '"size" None'),
        ({"size": [*SIZE], "counts": [PIXELS, 0.5]}, "whole numbers"),
        ({"size": [*SIZE], "counts": []}, "add up to 0"),
        ({"size": [*SIZE], "counts": ""}, "not a complete list"),
        ({"size": [*SIZE], "counts": "P"}, "not a complete list"),
        ({"size": [*SIZE], "counts": "\x00"}, "not a complete list"),
        ({"size": [*SIZE], "counts": "é"}, "not a complete list"),
        ({"size": [*SIZE], "counts": "P" * 30 + "0"}, "no run has"),
    ],
)
def test_malformed_masks_are_refused(segmentation: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_mask(segmentation, SIZE)


def test_masks_of_images_that_overflow_are_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        read_mask({"size": [2**16, 2**15], "counts": [2**31]}, (2**16, 2**15))


@settings(max_examples=50)
@given(st.lists(st.integers(0, 1), min_size=PIXELS, max_size=PIXELS))
def test_a_drawn_mask_is_the_one_that_was_written(pixels: list[int]) -> None:
    mask = np.array(pixels, dtype=np.uint8).reshape(SIZE)
    written = mask_api.encode(np.asfortranarray(mask))

    drawn = decode_mask(read_mask({"size": [*SIZE], "counts": written["counts"]}, SIZE))

    assert np.array_equal(drawn, mask)
    assert drawn.dtype == np.bool_
