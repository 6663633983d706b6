"""Laws of sizes: edges stay within their limits, canvases hold their images."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.data.config import ResizeConfig
from lumbar.data.sizes import canvas_of, padded_size, resized_size

edges = st.integers(1, 3000)


@given(edges, edges, st.integers(1, 900), st.integers(900, 1400))
@settings(max_examples=100, deadline=None)
def test_one_edge_meets_its_target_and_none_exceeds_it(
    height: int, width: int, short: int, long: int
) -> None:
    small, large = sorted(resized_size((height, width), ResizeConfig(long=long), short))
    assert small <= short
    assert large <= long
    assert small == short or large == long


@given(edges, edges)
@settings(max_examples=50, deadline=None)
def test_orientation_turns_with_the_image(height: int, width: int) -> None:
    upright = resized_size((height, width), ResizeConfig(), 800)
    assert resized_size((width, height), ResizeConfig(), 800) == upright[::-1]


def test_rules_round_differently() -> None:
    size = (
        427,
        640,
    )  # 800 / 427 * 640 = 1199.06..., 600 / 427 * 640 = 899.3, 700 -> 1049.18, 500 -> 749.4
    assert resized_size(size, ResizeConfig(rule="antialias"), 333) == (333, 499)  # 499.1
    assert resized_size((480, 641), ResizeConfig(rule="antialias"), 800) == (800, 1068)  # 1068.3
    assert resized_size((427, 641), ResizeConfig(rule="antialias"), 400) == (400, 600)  # 600.5
    assert resized_size((427, 642), ResizeConfig(rule="antialias"), 401) == (401, 603)  # 602.9
    assert resized_size((427, 642), ResizeConfig(rule="torchvision"), 401) == (401, 602)


@given(edges, edges, st.sampled_from([1, 32, 64]))
@settings(max_examples=50, deadline=None)
def test_canvas_is_the_least_multiple_that_holds_the_image(
    height: int, width: int, multiple: int
) -> None:
    canvas = padded_size((height, width), multiple, ())
    for edge, padded in zip((height, width), canvas, strict=True):
        assert padded % multiple == 0
        assert 0 <= padded - edge < multiple


def test_first_bucket_that_holds_the_image_is_taken() -> None:
    buckets = ((64, 96), (96, 64), (128, 128))
    assert padded_size((64, 96), 32, buckets) == (64, 96)
    assert padded_size((65, 64), 32, buckets) == (96, 64)
    assert padded_size((97, 65), 32, buckets) == (128, 128)


def test_error_names_size_key_and_buckets() -> None:
    with pytest.raises(
        ValueError, match=r"canvas_buckets \[\[64, 96\]\] holds 65 x 10 .*add a larger"
    ):
        padded_size((65, 10), 32, ((64, 96),))


def test_evaluation_canvas_uses_the_test_edge() -> None:
    resize = ResizeConfig(short=(32,), test_short=64)
    assert canvas_of((100, 150), resize, 32, ()) == (64, 96)
