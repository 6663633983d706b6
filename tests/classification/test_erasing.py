"""A window of noise, and nothing else, is new."""

import numpy as np
import torch

from classification.erasing import RandomErasing
from tests.classification.made_up import make_sample


def test_a_window_of_allowed_size_is_erased() -> None:
    sample, erase = make_sample(40, 30), RandomErasing(1.0)
    before = sample.image.clone()
    shares = []
    for seed in range(60):
        changed = (erase(sample, np.random.default_rng(seed)).image != before).any(0)
        rows, columns = changed.any(1).nonzero().flatten(), changed.any(0).nonzero().flatten()
        height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
        assert changed.sum() > 0.95 * height * width
        shares.append(height * width / 1200)
    assert torch.equal(sample.image, before)
    assert min(shares) > 0.01
    assert max(shares) < 0.36


def test_it_happens_as_often_as_it_should() -> None:
    sample, erase = make_sample(20, 20), RandomErasing(0.25)
    times = sum(erase(sample, np.random.default_rng(seed)) is not sample for seed in range(400))

    assert 70 < times < 130


def test_an_image_without_room_stays() -> None:
    sample = make_sample(1, 1)

    assert RandomErasing(1.0)(sample, np.random.default_rng(0)) is sample
