"""Distances between surfaces equal MONAI's and those of a distance transform, whatever the spacing."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.surface_dice import compute_surface_dice
from monai.metrics.surface_distance import compute_average_surface_distance
from scipy import ndimage

from medical.scores.regions import Mask
from medical.scores.surfaces import surface, surface_distances
from tests.medical.scores.pairs import Labels, blobs, pairs

SPACINGS = ((1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (1.0, 0.9, 1.7))
SCANS = ((1, 40, 50), (12, 30, 28))


def tensors(*masks: Mask) -> list[torch.Tensor]:
    """Masks as MONAI takes them: (1, 1, H, W) or (1, 1, D, H, W)."""
    return [torch.tensor(mask[0] if len(mask) == 1 else mask)[None, None].float() for mask in masks]


def monai_spacing(shape: tuple[int, ...], spacing: tuple[float, ...]) -> list[float]:
    return [*spacing[1:]] if shape[0] == 1 else [*spacing]


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("shape", SCANS)
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(3))
def test_distances_equal_those_of_monai(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int
) -> None:
    first, second = (labels == 1 for labels in blobs(shape, seed=seed))
    distances = surface_distances(first, second, spacing)
    masks = tensors(first, second)
    options: Any = {"include_background": True, "spacing": monai_spacing(shape, spacing)}

    for percentile in (50, 95, 100):
        theirs = compute_hausdorff_distance(masks[0], masks[1], percentile=percentile, **options)
        assert distances.hausdorff(percentile) == pytest.approx(theirs.item(), rel=1e-6)
    average = compute_average_surface_distance(masks[0], masks[1], symmetric=True, **options)
    assert distances.average() == pytest.approx(average.item(), rel=1e-6)
    for tolerance in (0.5, 1.3, 4.1):
        theirs = compute_surface_dice(masks[0], masks[1], class_thresholds=[tolerance], **options)
        assert distances.surface_dice(tolerance) == pytest.approx(theirs.item(), abs=1e-6)


@given(pairs())
def test_distances_equal_those_of_a_distance_transform(pair: tuple[Labels, Labels]) -> None:
    first, second = (labels == 1 for labels in pair)
    assume(first.any() and second.any())
    spacing = (3.0, 0.4, 1.1)

    distances = surface_distances(first, second, spacing)

    rims = surface(first), surface(second)
    transforms = [ndimage.distance_transform_edt(~rim, sampling=spacing) for rim in rims]
    np.testing.assert_allclose(distances.first, transforms[1][rims[0]], atol=1e-9)
    np.testing.assert_allclose(distances.second, transforms[0][rims[1]], atol=1e-9)


@given(pairs())
def test_a_surface_is_what_an_erosion_takes_away(pair: tuple[Labels, Labels]) -> None:
    mask = pair[0] > 0
    flat = mask[0] if len(mask) == 1 else mask

    expected = flat & ~ndimage.binary_erosion(flat)

    assert np.array_equal(surface(mask).reshape(flat.shape), expected)


@pytest.mark.parametrize("shape", SCANS)
def test_swapping_the_masks_changes_nothing(shape: tuple[int, int, int]) -> None:
    first, second = (labels == 2 for labels in blobs(shape, seed=5))
    one = surface_distances(first, second, (2.0, 0.5, 0.5))
    other = surface_distances(second, first, (2.0, 0.5, 0.5))

    assert one.hausdorff() == other.hausdorff()
    assert one.average() == pytest.approx(other.average(), rel=1e-12)
    assert one.surface_dice(1) == other.surface_dice(1)


def test_a_voxel_of_a_tenth_is_within_a_tenth_wherever_it_lies() -> None:
    for start in range(40):
        masks = np.zeros((2, 1, 1, 45), np.bool_)
        masks[0, 0, 0, start] = masks[1, 0, 0, start + 3] = True
        distances = surface_distances(masks[0], masks[1], (1.0, 1.0, 0.1))
        assert (distances.surface_dice(0.3), distances.surface_dice(0.299)) == (1.0, 0.0)


def test_equal_masks_are_nowhere_apart() -> None:
    mask = blobs((6, 20, 20), seed=1)[0] > 0
    distances = surface_distances(mask, mask, (1.0, 1.0, 1.0))

    assert (distances.hausdorff(100), distances.average(), distances.surface_dice(0)) == (0, 0, 1)


def test_an_empty_mask_has_no_surface() -> None:
    masks = np.zeros((2, 1, 3, 3), np.bool_)
    masks[0, 0, 1, 1] = True

    for pair in (masks, masks[::-1], masks[[1, 1]]):
        with pytest.raises(ValueError, match="empty mask"):
            surface_distances(pair[0], pair[1], (1.0, 1.0, 1.0))
