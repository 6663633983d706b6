"""Each kind of change does what its name says, more so with more strength; the row follows from its seed."""

import numpy as np
import pytest
import torch
from torch import Tensor

from classification.data_config import RandAugmentConfig
from classification.rand_augment import CHANGES, RandAugment
from tests.classification.made_up import make_sample

GRADED = {*CHANGES} - {"auto_contrast", "equalize", "invert"}


@pytest.fixture
def image() -> Tensor:
    """A smooth picture whose values do not fill the range."""
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    planes = [60 + 3 * rows + columns, 80 + 2 * columns, 200 - 3 * rows]
    return torch.stack(planes).byte()


def distance(one: Tensor, other: Tensor) -> float:
    return float((one.float() - other.float()).abs().mean())


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_size_and_kind(name: str, image: Tensor) -> None:
    before = image.clone()
    for sign in (1.0, -1.0):
        changed = CHANGES[name](image, 1.0, sign)
        assert (changed.shape, changed.dtype) == (image.shape, torch.uint8)
        assert not torch.equal(changed, image) or name == "sharpness"
    assert torch.equal(image, before)
    CHANGES[name](image[:1], 0.5, 1.0)


@pytest.mark.parametrize("name", sorted(GRADED))
def test_more_strength_is_more_change(name: str, image: Tensor) -> None:
    noisy = (image + make_sample(32, 32).image // 8).clamp(max=255)
    none, little, much = (
        distance(CHANGES[name](noisy, strength, -1.0), noisy) for strength in (0.0, 0.4, 1.0)
    )

    assert none <= (8 if name == "posterize" else 0.01)
    assert none <= little < much


def test_moves_go_the_way_of_their_sign(image: Tensor) -> None:
    right = CHANGES["translate_x"](image, 0.5, 1.0)

    shift = round(0.45 * 0.5 * 32)
    assert torch.equal(right[:, :, shift:], image[:, :, :-shift])
    assert (right[:, :, :shift] == 128).all()


def test_the_row_follows_from_the_seed(image: Tensor) -> None:
    change = RandAugment(RandAugmentConfig(layers=3, magnitude=9.0, probability=1.0))
    sample = make_sample(32, 32)

    one, same, other = (change(sample, np.random.default_rng(seed)).image for seed in (1, 1, 2))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_changes_that_do_not_happen_draw_as_many_numbers() -> None:
    sample = make_sample(8, 8)
    ends = []
    for probability in (0.0, 1.0):
        rng = np.random.default_rng(3)
        settings = RandAugmentConfig(layers=2, probability=probability)
        changed = RandAugment(settings)(sample, rng)
        ends.append(rng.random())
        assert torch.equal(changed.image, sample.image) == (probability == 0)
    assert ends[0] == ends[1]


def test_images_of_numbers_become_bytes_again() -> None:
    sample = make_sample(8, 8)
    sample.image = sample.image.float() + 0.3

    changed = RandAugment(RandAugmentConfig(layers=1, probability=0.0))(
        sample, np.random.default_rng(0)
    )

    assert changed.image.dtype == torch.uint8
