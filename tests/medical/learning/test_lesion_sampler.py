"""Cases, classes and lesions are drawn alike, whatever their size."""

import numpy as np
import pytest

from medical.learning.lesion_index import Lesions, find_lesions
from medical.learning.lesion_sampler import LesionSampler, drawn


def labelled(*boxes: tuple[int, int, int, int, int]) -> Lesions:
    """Lesions of a case of 2 slices of 64 x 64: (class, slice, row, column, edge) each."""
    labels = np.zeros((2, 64, 64), np.uint8)
    for kind, index, row, column, edge in boxes:
        labels[index, row : row + edge, column : column + edge] = kind
    return find_lesions(labels, 3)


CASES = [
    labelled((1, 0, 0, 0, 40), (1, 1, 60, 60, 1), (2, 0, 50, 50, 3)),
    labelled(),
    labelled((1, 0, 5, 5, 2)),
]
SHAPES = [(2, 64, 64)] * 3


def sampler(share: float = 1.0, seed: int = 0) -> LesionSampler:
    return LesionSampler(SHAPES, CASES, lesion_share=share, seed=seed)


def test_a_tiny_lesion_is_seen_as_often_as_a_large_one() -> None:
    counts = sampler().sightings(4, 1000)

    # Half of the draws for each case with a lesion, half of these for each class of the first.
    assert counts.sum() == 4000
    assert counts == pytest.approx([500, 500, 1000, 2000], rel=0.12)


def test_a_share_of_the_draws_is_around_lesions() -> None:
    draws = [sampler(0.67).draw(0, index) for index in range(3000)]

    assert np.mean([draw.lesion is not None for draw in draws]) == pytest.approx(0.67, abs=0.03)
    elsewhere = [draw for draw in draws if draw.lesion is None]
    assert np.bincount([draw.case for draw in elsewhere]) == pytest.approx(
        [len(elsewhere) / 3] * 3, rel=0.15
    )
    assert {draw.voxel[0] for draw in elsewhere} == {0, 1}


def test_slices_count_alike_where_anything_is_drawn() -> None:
    shapes = [(1, 8, 8), (9, 8, 8)]
    nothing = [find_lesions(np.zeros(shape, np.uint8), 2) for shape in shapes]
    either = LesionSampler(shapes, nothing, lesion_share=1.0, seed=0)

    draws = [either.draw(0, index) for index in range(2000)]

    assert either.num_slices == 10
    assert np.mean([draw.case for draw in draws]) == pytest.approx(0.9, abs=0.03)
    assert {draw.voxel[0] for draw in draws if draw.case} == {*range(9)}
    assert all(draw.lesion is None for draw in draws)


def test_the_voxel_is_of_the_lesion_and_lands_anywhere() -> None:
    draws = [sampler().draw(1, index) for index in range(500)]

    for draw in draws:
        lesions = CASES[draw.case]
        number = (draw.lesion or 0) - (3 if draw.case == 2 else 0)
        assert list(draw.voxel) in lesions.voxels[number].tolist()
    landings = np.array([draw.landing for draw in draws])
    assert landings.min() >= 0.1
    assert landings.max() <= 0.9
    assert np.histogram(landings, 4, (0.1, 0.9))[0].min() > 180


def test_a_draw_follows_from_seed_epoch_and_place_alone() -> None:
    first = sampler()
    later = [first.draw(3, index) for index in range(20)]

    assert later == [sampler().draw(3, index) for index in range(20)]
    assert later != [first.draw(4, index) for index in range(20)]
    assert later != [sampler(seed=1).draw(3, index) for index in range(20)]


def test_sightings_replay_the_draws() -> None:
    own = sampler(0.5)
    counts = np.zeros(4, int)
    for epoch in range(2):
        for index in range(50):
            lesion = own.draw(epoch, index).lesion
            if lesion is not None:
                counts[lesion] += 1

    assert own.sightings(2, 50).tolist() == counts.tolist()


def test_what_was_drawn_is_told() -> None:
    assert drawn(np.array([3, 0, 4])) == "3 lesions, each drawn 3 times (median; 0 to 4, 1 never)"
    assert drawn(np.zeros(0, np.int64)) == "there is no lesion to be drawn"
