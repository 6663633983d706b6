"""The seed of an image in an epoch: stable, in range, and different for each."""

import numpy as np

from lumbar.data.sample import item_seed


def test_seeds_differ_by_run_epoch_and_image() -> None:
    keys = [
        (run, epoch, image) for run in range(3) for epoch in range(3) for image in range(-5, 300)
    ]
    seeds = [item_seed(*key) for key in keys]
    assert len(set(seeds)) >= len(keys) - 1  # 2,745 draws of 2**31 collide with probability 0.0018
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_seeds_fill_their_range() -> None:
    seeds = np.array([item_seed(0, 0, image) for image in range(4000)]) / 2**31
    counts, _ = np.histogram(seeds, bins=8, range=(0, 1))
    assert counts.min() > 400  # 500 +- 21


def test_seeds_are_the_same_everywhere_and_for_ever() -> None:
    # Another number here would change what every run draws, and break resuming older ones.
    assert item_seed(0, 0, 0) == 1721418954
    assert item_seed(1, 2, 10**15) == 745605190
