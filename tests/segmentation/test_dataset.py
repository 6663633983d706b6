"""Samples hold the image and the mask of a file, and follow from seed, epoch and image alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lumbar.data.image_io import read_image
from lumbar.data.mask_folders import Naming, read_mask_files
from lumbar.data.mask_records import MaskRecords
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.data.sample import Sample, item_seed
from lumbar.data.transforms import Chain
from segmentation.dataset import SegmentationDataset
from tests.data.mask_files import write_image, write_pairs

SIZE = (10, 14)
UNCHANGED = Chain(())


def halved(sample: Sample, rng: np.random.Generator) -> Sample:
    mask = None if sample.mask is None else sample.mask[::2, ::2]
    return replace(sample, image=sample.image[:, ::2, ::2], mask=mask)


def noisy(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=torch.from_numpy(rng.random((1, 2, 2))))


def blanked(sample: Sample, rng: np.random.Generator) -> Sample:
    assert sample.mask is not None
    sample.image.fill_(0)
    sample.mask.fill_(0)
    return sample


@pytest.fixture
def records(tmp_path: Path) -> MaskRecords:
    values = np.random.default_rng(0).choice([0, 1, 9], (2, *SIZE)).astype(np.uint8)
    write_pairs(tmp_path, *values)
    classes = PixelClasses.parse({"background": 0, "cell": 1}, [9])
    return read_mask_files(
        tmp_path / "images", tmp_path / "masks", naming=Naming(), classes=classes, name="train"
    )


def test_a_sample_is_an_image_with_its_mask(records: MaskRecords) -> None:
    dataset = SegmentationDataset(records, UNCHANGED, 7, frame="canvas")

    sample = dataset[3, 1]

    assert len(dataset) == 2
    assert sample.mask is not None
    assert sample.image.permute(1, 2, 0).numpy().tobytes() == read_image(records[1].path).tobytes()
    assert sample.mask.dtype == torch.uint8
    assert np.array_equal(sample.mask.numpy(), records.labels(1, SIZE))
    assert IGNORE in sample.mask
    assert (sample.original_size, sample.image_id) == (SIZE, 2)
    assert sample.seed == item_seed(7, 3, 2)
    assert (sample.boxes.shape, sample.labels.shape) == ((0, 4), (0,))


def test_masks_follow_their_image_or_stay_as_the_file(records: MaskRecords) -> None:
    whole = records.labels(0, SIZE)

    on_canvas = SegmentationDataset(records, halved, 0, frame="canvas")[0, 0]
    in_file = SegmentationDataset(records, halved, 0, frame="file")[0, 0]

    assert on_canvas.image.equal(in_file.image)
    assert on_canvas.mask.equal(torch.from_numpy(whole[::2, ::2]))
    assert in_file.mask.equal(torch.from_numpy(whole))
    assert in_file.original_size == SIZE


def test_what_is_random_follows_from_seed_epoch_and_image(records: MaskRecords) -> None:
    first, other = (SegmentationDataset(records, noisy, seed, frame="canvas") for seed in (1, 2))

    again = SegmentationDataset(records, noisy, 1, frame="canvas")[4, 0].image

    assert first[4, 0].image.equal(again)
    assert not any(image.equal(again) for image in (first[5, 0].image, first[4, 1].image))
    assert not other[4, 0].image.equal(again)


def test_what_is_cached_is_decoded_once_and_never_changed(records: MaskRecords) -> None:
    cached = SegmentationDataset(records, blanked, 0, frame="canvas", cache=True)
    before = SegmentationDataset(records, UNCHANGED, 0, frame="canvas")[0, 0]
    assert not cached[0, 0].image.any()

    cached.transform = UNCHANGED
    for file in records.files(0):
        file.unlink()

    assert cached[1, 0].image.equal(before.image)
    assert cached[1, 0].mask.equal(before.mask)


def test_channels_and_the_limit_reach_the_decoder(records: MaskRecords) -> None:
    assert SegmentationDataset(records, UNCHANGED, 0, frame="file", channels=1)[
        0, 0
    ].image.shape == (1, *SIZE)
    with pytest.raises(ValueError, match="megapixels"):
        SegmentationDataset(records, UNCHANGED, 0, frame="file", max_megapixels=1e-5)[0, 0]


def test_an_image_that_was_exchanged_does_not_fit_its_mask(records: MaskRecords) -> None:
    write_image(records[0].path, (9, 9))

    with pytest.raises(
        ValueError, match=r"masks/0\.png: the mask is 14 x 10 pixels, but its image 9 x 9"
    ):
        SegmentationDataset(records, UNCHANGED, 0, frame="canvas")[0, 0]
