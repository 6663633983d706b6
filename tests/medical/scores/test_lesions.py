"""Lesions are matched as a look at every pair of regions would match them."""

import numpy as np
from hypothesis import given

from medical.scores.lesions import OVERLAP, LesionCounts, match_lesions
from medical.scores.regions import Mask, find_regions
from tests.medical.scores.pairs import Labels, pairs


def line(text: str) -> Mask:
    """(1, 1, W) a mask of one row, where x is inside."""
    return np.array([[[letter == "x" for letter in text]]])


def looked_at(predicted: Mask, true: Mask) -> LesionCounts:
    """Every lesion beside every predicted region."""
    guesses, lesions = (
        [regions.labels == number + 1 for number in range(len(regions))]
        for regions in map(find_regions, (predicted, true))
    )
    good = np.array(
        [[(a & b).sum() / (a | b).sum() > OVERLAP for b in guesses] for a in lesions]
    ).reshape(len(lesions), len(guesses))
    return LesionCounts(len(lesions), int(good.any(1).sum()), int((~good.any(0)).sum()))


@given(pairs())
def test_lesions_are_matched_as_every_pair_says(pair: tuple[Labels, Labels]) -> None:
    predicted, true = (labels == 1 for labels in pair)

    assert match_lesions(predicted, true) == looked_at(predicted, true)


@given(pairs())
def test_swapping_the_masks_swaps_missed_and_false(pair: tuple[Labels, Labels]) -> None:
    predicted, true = (labels == 1 for labels in pair)
    one, other = match_lesions(predicted, true), match_lesions(true, predicted)

    assert one.lesions - one.found == other.false
    assert other.lesions - other.found == one.false


def test_a_lesion_in_two_pieces_is_found_without_false_alarm() -> None:
    assert match_lesions(line("xx.xxx.."), line("xxxxxx..")) == (1, 1, 0)


def test_one_region_over_two_lesions_finds_both() -> None:
    assert match_lesions(line("xxxxx..."), line("xx.xx...")) == (2, 2, 0)


def test_a_region_ten_times_as_large_as_the_lesion_finds_nothing() -> None:
    assert match_lesions(line("x" * 10), line("x" + "." * 9)) == (1, 0, 1)
    assert match_lesions(line("x" * 9 + "."), line("x" + "." * 9)) == (1, 1, 0)


def test_nothing_there_and_nothing_found() -> None:
    assert match_lesions(line("..."), line("...")) == (0, 0, 0)
