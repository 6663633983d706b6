"""An image on its way, and its seed in an epoch: stable, in range, and different for each."""

import numpy as np

from lumbar.data.sample import Sample, item_seed


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


def test_a_sample_of_pixels_has_an_image_and_nothing_else() -> None:
    pixels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)

    sample = Sample.of_pixels(pixels, image_id=7, seed=9)
    image = pixels.transpose(2, 0, 1).copy()
    pixels[:] = 0

    np.testing.assert_array_equal(sample.image.numpy(), image)
    assert (sample.boxes.shape, sample.labels.shape, sample.mask) == ((0, 4), (0,), None)
    assert (sample.original_size, sample.image_id, sample.seed) == ((2, 3), 7, 9)
