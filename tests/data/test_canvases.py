"""Canvases that are chosen from the data hold every image, are few, and no other choice wastes less."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.canvases import (
    Sizes,
    canvas_groups,
    choose_canvases,
    evaluation_sizes,
    padding_share,
    training_sizes,
)
from lumbar.data.config import AugmentConfig, ResizeConfig
from lumbar.data.geometry import RandomCrop, Resize, size_of
from lumbar.data.sample import Sample
from lumbar.data.sizes import padded_size, resized_size

RESIZE = ResizeConfig(short=(64, 80), test_short=80, long=133)
edges = st.integers(20, 200)


def sizes_of(*sizes: tuple[int, int]) -> Sizes:
    return np.array(sizes, dtype=np.int64).reshape(-1, 2)


def sizes(least: int = 0) -> st.SearchStrategy[Sizes]:
    return st.lists(st.tuples(edges, edges), min_size=least, max_size=12).map(
        lambda files: sizes_of(*files)
    )


@given(sizes(1), sizes(), st.sampled_from((1, 8, 32)), st.integers(1, 9), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_every_image_is_held_by_few_canvases_of_whole_multiples(
    trained: Sizes, evaluated: Sizes, multiple: int, least: int, at_most: int
) -> None:
    canvases = choose_canvases(trained, evaluated, multiple=multiple, least=least, at_most=at_most)

    assert 1 <= len(canvases) <= at_most
    assert [area for height, width in canvases for area in [height * width]] == sorted(
        height * width for height, width in canvases
    )
    for height, width in canvases:
        assert height % multiple == width % multiple == 0
    for height, width in [*trained.tolist(), *evaluated.tolist()]:
        assert padded_size((height, width), multiple, canvases) in canvases


@given(sizes(1), sizes(), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_batches_of_a_group_have_a_canvas_in_common_and_groups_fill_a_step(
    files: Sizes, evaluated: Sizes, least: int
) -> None:
    trained = training_sizes(files, RESIZE, AugmentConfig())
    others = evaluation_sizes(evaluated, RESIZE)
    canvases = choose_canvases(trained, others, multiple=8, least=least)

    groups = canvas_groups(trained, canvases)

    for group in np.unique(groups):
        members = trained[groups == group]
        assert len(members) >= min(least, len(trained))
        height, width = members.max(0).tolist()
        assert padded_size((height, width), 8, canvases) in canvases


@given(sizes(1), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_no_ranges_of_shapes_waste_a_hundredth_less(files: Sizes, at_most: int) -> None:
    trained = training_sizes(files, RESIZE, AugmentConfig())
    ordered = trained[np.argsort(trained[:, 1] / trained[:, 0], kind="stable")]

    def area(cuts: tuple[int, ...]) -> int:
        pieces = np.split(ordered, cuts)
        canvases = [padded_size((piece[:, 0].max(), piece[:, 1].max()), 8, ()) for piece in pieces]
        return sum(len(p) * h * w for p, (h, w) in zip(pieces, canvases, strict=True))

    best = min(
        area(cuts)
        for count in range(min(at_most, len(ordered)))
        for cuts in combinations(range(1, len(ordered)), count)
    )
    canvases = choose_canvases(trained, sizes_of(), multiple=8, least=1, at_most=at_most)
    chosen = [padded_size((height, width), 8, canvases) for height, width in trained.tolist()]
    assert sum(height * width for height, width in chosen) <= 1.01 * best


def test_portraits_and_landscapes_get_canvases_of_their_own() -> None:
    trained = sizes_of(*[(800, 1067)] * 8, *[(1067, 800)] * 8, *[(800, 1200)] * 8)

    canvases = choose_canvases(trained, sizes_of(), multiple=32, least=8)

    assert set(canvases) == {(800, 1088), (1088, 800), (800, 1216)}
    assert np.unique(canvas_groups(trained, canvases), return_counts=True)[1].tolist() == [8, 8, 8]
    assert padding_share(trained, canvases, 32) == pytest.approx(0.017, abs=0.002)


def test_too_few_portraits_take_the_squarest_landscapes_with_them() -> None:
    trained = sizes_of((1200, 800), *[(800, 800)] * 3, *[(800, 1200)] * 40)

    canvases = choose_canvases(trained, sizes_of(), multiple=32, least=4)

    assert set(canvases) == {(1216, 800), (800, 1216)}


def test_images_that_no_canvas_holds_are_a_group() -> None:
    assert canvas_groups(sizes_of((10, 10), (90, 9)), ((64, 64), (32, 96))).tolist() == [0, 2]


@given(edges, edges, st.sampled_from(("antialias", "torchvision", "pil")), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_no_crop_and_no_scale_is_larger_than_said(
    height: int, width: int, rule: str, seed: int
) -> None:
    resize = ResizeConfig.model_validate({**RESIZE.model_dump(), "rule": rule})
    augment = AugmentConfig(crop=(0.5, 0.9))
    sample = Sample.of_pixels(np.zeros((height, width, 3), dtype=np.uint8))
    rng = np.random.default_rng(seed)

    changed = Resize(resize, resize.short)(RandomCrop((0.5, 0.9))(sample, rng), rng)

    assert (training_sizes(sizes_of((height, width)), resize, augment)[0] >= size_of(changed)).all()


def test_sizes_follow_the_rules_of_each_split() -> None:
    files, jitter = sizes_of((100, 150), (150, 100)), AugmentConfig(scale_jitter=(0.1, 2.0))
    resize = ResizeConfig(short=(40, 50), test_short=60, long=1000)

    assert training_sizes(files, resize, AugmentConfig()).tolist() == [[50, 75], [75, 50]]
    assert evaluation_sizes(files, resize).tolist() == [[60, 90], [90, 60]]
    assert training_sizes(files, resize, jitter).tolist() == [[1024, 1024]] * 2
    assert resized_size((100, 150), resize, 50) == (50, 75)
