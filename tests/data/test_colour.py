"""Laws of colour: greys stay grey, saturation and hue keep the luma, strength 0 changes nothing."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from lumbar.data.colour import LUMA, ColourJitter, chroma_matrix, remap_colours
from lumbar.data.sample import Sample


def picture(channels: int = 3, *, low: int = 0, high: int = 256) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(low, high, (channels, 12, 17), generator=generator, dtype=torch.uint8)


def sample_of(image: torch.Tensor) -> Sample:
    return Sample(image, torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), (12, 17), 1, 1)


def apply(
    image: torch.Tensor, *, brightness: float = 1, contrast: float = 1, saturation: float = 1
) -> torch.Tensor:
    return remap_colours(image, chroma_matrix(saturation, 0.0) * brightness, LUMA, contrast)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_strength_zero_is_identity(channels: int, dtype: torch.dtype) -> None:
    sample = sample_of(picture(channels).to(dtype))
    changed = ColourJitter(0.0)(sample, np.random.default_rng(0))
    assert changed.image.dtype == dtype
    assert torch.allclose(changed.image.float(), sample.image.float(), atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_seed_decides(channels: int) -> None:
    sample = sample_of(picture(channels))
    first, again, other = (
        ColourJitter(0.5)(sample, np.random.default_rng(seed)).image for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, sample.image)


@pytest.mark.parametrize(("saturation", "turn"), [(0.5, 0.0), (1.5, 0.05), (1.0, -0.1), (0.0, 0.3)])
def test_chroma_keeps_grey_and_luma(saturation: float, turn: float) -> None:
    matrix = chroma_matrix(saturation, turn)
    np.testing.assert_allclose(matrix @ np.ones(3), np.ones(3), atol=1e-12)
    np.testing.assert_allclose(LUMA @ matrix, LUMA, atol=1e-12)


def test_turns_add_up_to_a_circle() -> None:
    third = chroma_matrix(1.0, 1 / 3)
    np.testing.assert_allclose(third @ third @ third, np.eye(3), atol=1e-12)
    # Green is where a third of the circle takes red, but for the luma.
    assert (third @ np.array([1.0, 0.0, 0.0])).argmax() == 1


@pytest.mark.parametrize("factor", [0.7, 1.2])
def test_single_changes_agree_with_torchvision(factor: float) -> None:
    image = picture(
        low=90, high=150
    ).float()  # away from the ends of the range, where torchvision clips in between
    for ours, theirs in (
        (apply(image, brightness=factor), functional.adjust_brightness(image / 255, factor)),
        (apply(image, contrast=factor), functional.adjust_contrast(image / 255, factor)),
        (apply(image, saturation=factor), functional.adjust_saturation(image / 255, factor)),
    ):
        assert (
            ours - theirs * 255
        ).abs().max() < 0.1  # torchvision's luma weights have four digits


def test_values_stay_in_range() -> None:
    bright = apply(picture(), brightness=2.0)
    assert bright.dtype == torch.uint8
    assert bright.max() == 255
    assert (bright >= picture()).all()


def test_whole_values_are_rounded() -> None:
    image = picture(high=200)
    exact, rounded = apply(image.float(), brightness=1.1), apply(image, brightness=1.1)
    assert (exact - rounded).abs().max() <= 0.5
