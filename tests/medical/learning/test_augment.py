"""Patches are changed at random within their ranges, and stay what they are."""

from typing import Any

import numpy as np
import pytest
import torch

from medical.learning.augment import Augment, Motion
from medical.learning.patches import make_sample
from medical.study.config import MedicalAugmentConfig


def augment(**settings: Any) -> Augment:
    flips = settings.pop("flips", ("horizontal", "vertical"))
    return Augment(MedicalAugmentConfig(**settings), flips)


def rngs(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_motions_stay_in_their_ranges_and_are_drawn_now_and_then() -> None:
    own = augment(rotate=30.0, scale=(0.5, 2.0))
    motions = [own.motion(rng) for rng in rngs(600)]

    angles = np.degrees([motion.angle for motion in motions])
    scales = np.array([motion.scale for motion in motions])
    assert np.abs(angles).max() <= 30
    assert 0.5 <= scales.min() < 0.6
    assert 1.8 < scales.max() <= 2.0
    assert (angles != 0).mean() == pytest.approx(1 / 3, abs=0.06)
    assert (scales != 1).mean() == pytest.approx(1 / 3, abs=0.06)
    # As much smaller as larger.
    assert np.log(scales[scales != 1]).mean() == pytest.approx(0, abs=0.1)
    kinds = {motion.flips for motion in motions}
    assert kinds == {(), (-1,), (-2,), (-2, -1)}


def test_without_flips_nothing_is_mirrored() -> None:
    own = augment(flips=(), rotate=0.0, scale=(1.0, 1.0))

    assert {own.motion(rng) for rng in rngs(50)} == {Motion()}


def test_backwards_is_a_rotation_around_the_anchor() -> None:
    motion = Motion(scale=2.0, angle=0.3)
    places = motion.backwards((10.5, 20.5), (4.5, 6.5), (9, 12))

    assert places.shape == (9, 12, 2)
    torch.testing.assert_close(places[4, 6], torch.tensor([10.5, 20.5], dtype=torch.float64))
    steps = (places[1:] - places[:-1]).norm(dim=-1)
    torch.testing.assert_close(steps, torch.full_like(steps, 0.5))


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 9])
def test_intensities_change_within_the_range_for_any_number_of_channels(channels: int) -> None:
    own = augment()
    image = torch.rand(channels, 24, 30) * 255
    mask = torch.zeros(24, 30, dtype=torch.uint8)

    changed = [
        own.intensities(make_sample(image, mask, image_id=0, seed=0), rng) for rng in rngs(40)
    ]

    assert all(
        one.image.shape == image.shape and one.image.dtype == torch.float32 for one in changed
    )
    assert all(0 <= float(one.image.min()) <= float(one.image.max()) <= 255 for one in changed)
    assert all(one.mask is not None and torch.equal(one.mask, mask) for one in changed)
    assert 5 < sum(torch.allclose(one.image, image, atol=1e-3) for one in changed) < 35


def test_the_same_generator_changes_alike() -> None:
    own, other = augment(), augment()
    sample = make_sample(
        torch.rand(1, 20, 20) * 255, torch.zeros(20, 20, dtype=torch.uint8), image_id=0, seed=0
    )

    for one, two in zip(rngs(20), rngs(20), strict=True):
        assert torch.equal(own.intensities(sample, one).image, other.intensities(sample, two).image)


def test_a_list_of_the_settings_takes_the_place_of_ours() -> None:
    sample = make_sample(
        torch.full((1, 8, 8), 51.0), torch.zeros(8, 8, dtype=torch.uint8), image_id=0, seed=0
    )
    none = augment(albumentations=())
    inverted = augment(albumentations=({"name": "InvertImg", "p": 1.0},))

    assert none.intensities(sample, rngs(1)[0]) is sample
    torch.testing.assert_close(
        inverted.intensities(sample, rngs(1)[0]).image, torch.full((1, 8, 8), 204.0)
    )


def test_a_transform_that_does_not_exist_is_named_with_its_place() -> None:
    with pytest.raises(
        ValueError, match=r'augment.albumentations\[0\]: .*"RandomGama", did you mean "RandomGamma"'
    ):
        augment(albumentations=({"name": "RandomGama"},))
