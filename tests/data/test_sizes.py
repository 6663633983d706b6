"""Laws of sizes: edges stay within their limits, canvases hold their images."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lumbar.data.config import ResizeConfig
from lumbar.data.sizes import canvas_of, fitted_size, padded_size, resized_size

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


def as_detectron2(height: int, width: int, short: int, long: int) -> tuple[int, int]:
    """Its two steps: the short edge, then the long one where it became too long."""
    scale = short / min(height, width)
    rows, columns = (short, scale * width) if height < width else (scale * height, short)
    if max(rows, columns) > long:
        scale = long / max(rows, columns)
        rows, columns = rows * scale, columns * scale
    return int(rows + 0.5), int(columns + 0.5)


def as_mmdetection(height: int, width: int, short: int, long: int) -> tuple[int, int]:
    """Its one step."""
    scale = min(long / max(height, width), short / min(height, width))
    return int(height * scale + 0.5), int(width * scale + 0.5)


@given(st.integers(20, 3000), st.integers(20, 3000), st.sampled_from([640, 672, 736, 800]))
@example(38, 76, 672)
@example(860, 110, 640)
@settings(max_examples=200, deadline=None)
def test_sizes_of_the_zoos_are_theirs(height: int, width: int, short: int) -> None:
    pillow, opencv = (
        resized_size((height, width), ResizeConfig(rule=rule), short) for rule in ("pil", "opencv")
    )
    assert pillow == as_detectron2(height, width, short, 1333)
    assert opencv == as_mmdetection(height, width, short, 1333)


def test_halves_of_a_pixel_fall_as_the_steps_are() -> None:
    size = (38, 76)  # 1333 / 76 * 38 is 666.5; 1333 / 1344 * 672 is a trifle less
    assert resized_size(size, ResizeConfig(rule="pil"), 672) == (666, 1333)
    assert resized_size(size, ResizeConfig(rule="opencv"), 672) == (667, 1333)


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


def test_what_no_bucket_holds_gets_the_next_multiples() -> None:
    assert padded_size((65, 10), 32, ((64, 96),)) == (96, 32)


def test_evaluation_canvas_uses_the_test_edge() -> None:
    resize = ResizeConfig(short=(32,), test_short=64)
    assert canvas_of((100, 150), resize, 32, ()) == (64, 96)


@given(edges, edges, st.integers(1, 900), st.none() | st.integers(1, 2000), st.booleans())
@settings(max_examples=100)
def test_a_fitted_edge_is_met_to_the_pixel(
    height: int, width: int, short: int, long: int | None, floor: bool
) -> None:
    fitted = fitted_size((height, width), short, long, floor=floor)
    small, large = sorted(fitted)

    assert small == short or (long is not None and large == long)
    assert long is None or large <= long
    assert fitted[::-1] == fitted_size((width, height), short, long, floor=floor)
    exact = small / min(height, width) * max(height, width)
    slack = 0.5 if small == short else max(height, width) / min(height, width)
    assert large - exact <= slack


def test_the_other_edge_is_rounded_or_cut() -> None:
    assert fitted_size((427, 640), 520, None, floor=True) == (520, 779)  # 779.39
    assert fitted_size((480, 641), 100, None, floor=True) == (100, 133)  # 133.54
    assert fitted_size((480, 641), 100, None, floor=False) == (100, 134)
    assert fitted_size((427, 427), 520, None, floor=True) == (520, 520)
    assert fitted_size((100, 1000), 50, 300, floor=False) == (30, 300)
