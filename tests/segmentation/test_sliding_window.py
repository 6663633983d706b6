"""Windows are a way to compute the same thing: exactly so for a model of pixels, in memory that does not grow."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.waits import count_syncs
from lumbar.ops.structures import Images
from segmentation.fcn import FCN
from segmentation.sliding_window import SlidingWindow, gaussian, starts
from segmentation.views import Inference, whole
from tests.segmentation.pointwise import NUM_CLASSES, noise, pointwise_fcn
from tests.segmentation.small_fcn import SIZES, make_images, small_fcn

edges = st.integers(1, 40)


shapes = st.tuples(edges, edges)


def windows(
    size: tuple[int, int] = (32, 48),
    *,
    overlap: float = 0.3,
    per_batch: int = 3,
    inner: Inference = whole,
) -> SlidingWindow:
    height, width = (max(1, round(edge * (1 - overlap))) for edge in size)
    return SlidingWindow(inner, gaussian(size), (height, width), per_batch)


def clipped(model: FCN, images: Images) -> Tensor:
    """Probabilities by arithmetic alone: torch rounds an exponential by where in memory a pixel lies."""
    return model.logits(images).clamp(0, 1)


@settings(max_examples=20)
@given(shapes, shapes, st.floats(0, 0.9), st.integers(1, 5))
def test_a_model_of_pixels_gives_exactly_what_it_gives_at_once(
    size: tuple[int, int], window: tuple[int, int], overlap: float, per_batch: int
) -> None:
    model, images = pointwise_fcn(), noise(2, *size)
    sliding = windows(window, overlap=overlap, per_batch=per_batch, inner=clipped)

    is_same = torch.equal(sliding(model, images), clipped(model, images))
    assert is_same


@settings(max_examples=5)
@given(shapes, shapes, st.floats(0, 0.9), st.sampled_from(["multiclass", "multilabel"]))
def test_with_exponentials_it_gives_the_same_but_for_their_last_bits(
    size: tuple[int, int], window: tuple[int, int], overlap: float, task: str
) -> None:
    model, images = pointwise_fcn(task), noise(2, *size)

    blended = windows(window, overlap=overlap)(model, images)

    torch.testing.assert_close(blended, whole(model, images), rtol=2**-21, atol=2**-24)


@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 50))
def test_windows_cover_an_edge_and_the_last_one_ends_with_it(
    edge: int, window: int, stride: int
) -> None:
    stride = min(stride, window)
    places = starts(edge, window, stride)

    assert places[0] == 0
    assert places[-1] == max(0, edge - window)
    steps = [after - before for before, after in pairwise(places)]
    assert all(0 < step <= stride for step in steps)
    assert set(steps[:-1]) <= {stride}


def test_a_blend_is_the_weighted_mean_of_the_windows() -> None:
    model, images = small_fcn("plain").eval().double(), make_images()
    sliding = windows(per_batch=2)  # three in a row: the second batch is filled up
    total = torch.zeros(2, 3, *SIZES[0], dtype=torch.float64)
    weights = torch.zeros(SIZES[0], dtype=torch.float64)
    for top in starts(65, 32, 22):
        for left in starts(97, 48, 34):
            rows, columns = slice(top, top + 32), slice(left, left + 48)
            visible = (images.sizes - torch.tensor([top, left])).clamp(min=0)
            visible = visible.minimum(torch.tensor([32, 48]))
            window = Images(images.canvas[:, :, rows, columns], visible, visible)
            total[:, :, rows, columns] += sliding.weight * whole(model, window)
            weights[rows, columns] += sliding.weight

    torch.testing.assert_close(sliding(model, images), total / weights)


@pytest.mark.parametrize("size", [(33, 50), (100, 60), (64, 230)])
def test_the_device_gets_batches_of_one_shape_whatever_the_size(size: tuple[int, int]) -> None:
    model = pointwise_fcn()

    windows(per_batch=3)(model, noise(1, *size))

    across = len(starts(size[1], 48, 34))
    count = math.ceil(across / math.ceil(across / 3))
    assert set(model.backbone.seen) == {(count, 3, 32, 48)}
    assert len(model.backbone.seen) == len(starts(size[0], 32, 22)) * math.ceil(across / 3)


def test_bands_are_read_from_top_to_bottom_and_hold_a_window() -> None:
    model, images = pointwise_fcn(), noise(1, 150, 70)
    asked: list[tuple[int, int]] = []

    def rows(start: int, stop: int) -> Tensor:
        asked.append((start, stop))
        return images.canvas[:, :, start:stop]

    bands = list(windows(inner=clipped).bands(model, rows, images.sizes, (150, 70)))

    assert asked == [(top, top + 32) for top in starts(150, 32, 22)]
    assert [top for top, _ in bands] == [start for start, _ in asked]
    assert all(band.shape[2] <= 32 for _, band in bands)
    assert torch.equal(torch.cat([band for _, band in bands], 2), clipped(model, images))


def test_rows_and_columns_that_nobody_has_are_not_missed() -> None:
    """As when a canvas is larger than the file that is read."""
    model, images = pointwise_fcn(), noise(1, 50, 61)

    def rows(start: int, stop: int) -> Tensor:
        return images.canvas[:, :, start:stop]

    bands = windows(inner=clipped).bands(model, rows, images.sizes, (64, 64))

    blended = torch.cat([band for _, band in bands], 2)
    assert blended.shape == (1, NUM_CLASSES, 64, 64)
    assert torch.equal(blended[:, :, :50, :61], clipped(model, images))


def test_pixels_outside_the_images_do_not_matter() -> None:
    model, images = small_fcn("pyramid").eval(), make_images()
    canvas = images.canvas.clone()
    canvas[1, :, SIZES[1][0] :], canvas[1, :, :, SIZES[1][1] :] = 200.0, torch.nan

    garbage = windows()(model, images._replace(canvas=canvas))

    assert torch.equal(garbage, windows()(model, images))


def test_probabilities_of_a_batch_are_those_of_its_images() -> None:
    model, images = small_fcn("plain").eval().double(), make_images()

    together = windows()(model, images)

    for row in range(2):
        alone = Images(*(field[row : row + 1] for field in images))
        torch.testing.assert_close(together[row : row + 1], windows()(model, alone))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_are_as_wide_as_the_model_and_add_up(dtype: torch.dtype) -> None:
    blended = windows()(small_fcn("plain").eval().to(dtype), make_images())

    assert blended.dtype == dtype
    torch.testing.assert_close(blended.sum(1), torch.ones_like(blended[:, 0]))


@given(st.tuples(edges, edges))
def test_the_middle_of_a_window_counts_most_and_nothing_counts_nothing(
    window: tuple[int, int],
) -> None:
    weight = gaussian(window)

    assert weight.shape == window
    assert weight.min() > 0
    assert torch.equal(weight, weight.flip(0))
    assert torch.equal(weight, weight.flip(1))
    rows, columns = ((edge + 1) // 2 for edge in window)
    assert (weight[:rows, :columns].diff(dim=0) > 0).all()
    assert (weight[:rows, :columns].diff(dim=1) > 0).all()


def test_nothing_waits_while_image_and_model_share_a_device() -> None:
    model, images = small_fcn("plain").eval(), make_images()

    assert count_syncs(lambda: windows()(model, images)) == {}


@pytest.mark.gpu
def test_memory_of_the_device_does_not_grow_with_the_image() -> None:
    model, peaks = small_fcn("plain").eval().cuda(), []
    for edge in (200, 200, 1000):
        torch.cuda.reset_peak_memory_stats()
        blended = windows((128, 128))(model, noise(1, edge, edge))
        assert blended.device.type == "cpu"
        peaks.append(torch.cuda.max_memory_allocated())

    assert peaks[2] == peaks[1]
