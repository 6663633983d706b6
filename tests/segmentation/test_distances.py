"""Distances are exact up to the reach."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from segmentation.distances import distance_to
from tests.segmentation.nearest import to_nearest


@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.01, 0.1, 0.5]))
def test_distances_are_exact_up_to_the_reach(seed: int, reach: int, density: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = torch.randint(1, 25, (2,), generator=generator).tolist()
    seeds = torch.rand(2, *size, generator=generator) < density

    actual = distance_to(seeds, reach)

    expected = torch.stack([to_nearest(image) for image in seeds]).clamp(max=reach)
    torch.testing.assert_close(actual, expected.float())
