"""Each way of resizing gives the pixels of the library whose name it bears."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from lumbar.data.interpolation import (
    INTERPOLATIONS,
    antialiased,
    by_opencv,
    by_pillow,
    by_torch,
    single_threaded_opencv,
)

SIZES = [((37, 61), (80, 132)), ((120, 90), (53, 40)), ((64, 64), (64, 65)), ((5, 7), (1, 90))]
Library = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def noise(size: tuple[int, int], channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (channels, *size), generator=generator, dtype=torch.uint8)


def pillow(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """As detectron2 calls it, on (H, W, 3)."""
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR))


def opencv(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """As MMDetection calls it, on (H, W, 3)."""
    resized: np.ndarray = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR)
    return resized


@pytest.mark.parametrize(("name", "library"), [("pil", pillow), ("opencv", opencv)])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_pixels_are_those_of_the_library(
    name: str, library: Library, before: tuple[int, int], after: tuple[int, int]
) -> None:
    image = noise(before)

    resized = INTERPOLATIONS[name](image, after)

    expected = library(image.permute(1, 2, 0).contiguous().numpy(), after)
    assert np.array_equal(resized.permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_rule_torchvision_interpolates_in_float(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    image = noise(before)

    resized = INTERPOLATIONS["torchvision"](image, after)

    expected = F.interpolate(image[None].float(), after, mode="bilinear", align_corners=False)[0]
    assert torch.equal(resized, expected)


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_antialiased_pixels_are_those_of_pillow_up_to_one(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    image = noise(before)

    ours, theirs = antialiased(image, after), by_pillow(image, after)

    assert (ours.int() - theirs.int()).abs().max() <= 1


def test_only_two_ways_average_over_all_pixels_when_shrinking() -> None:
    striped = torch.zeros(3, 64, 64, dtype=torch.uint8)
    striped[..., ::4] = 240

    errors = {
        name: (way(striped, (16, 16)).float() - 60).abs().max().item()
        for name, way in INTERPOLATIONS.items()
    }

    assert max(errors["antialias"], errors["pil"]) < 20
    assert min(errors["torchvision"], errors["opencv"]) > 50


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("way", INTERPOLATIONS.values())
def test_any_channels_keep_their_dtype_and_order(
    way: Callable[[Tensor, tuple[int, int]], Tensor], dtype: torch.dtype, channels: int
) -> None:
    levels = (torch.arange(channels) * 50).to(dtype)
    image = levels[:, None, None].expand(-1, 12, 9)

    resized = way(image, (20, 31))

    assert resized.dtype == (torch.float32 if way is by_torch else dtype)
    expected = levels[:, None, None].expand(-1, 20, 31).to(resized.dtype)
    torch.testing.assert_close(resized, expected)


def test_opencv_gives_up_its_threads() -> None:
    cv2.setNumThreads(2)
    single_threaded_opencv.cache_clear()

    by_opencv(noise((8, 8)), (4, 4))

    assert cv2.getNumThreads() == 1
