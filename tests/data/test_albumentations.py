"""The adapter: boxes, labels and mask stay together, seeds decide, and mistakes are explained."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lumbar.data.albumentations import Albumentations
from lumbar.data.pixel_classes import IGNORE
from lumbar.data.sample import Sample

Paint = Callable[..., Sample]


def run(settings: list[dict[str, Any]], sample: Sample, seed: int = 0) -> Sample:
    return Albumentations(settings)(sample, np.random.default_rng(seed))


def test_boxes_and_mask_follow_a_flip(paint: Paint) -> None:
    sample = paint((40, 60), (5, 10, 20, 30), (30, 2, 50, 9))
    flipped = run([{"name": "HorizontalFlip", "p": 1.0}], sample)
    assert flipped.mask is not None
    assert torch.equal(flipped.image, sample.image.flip(-1))
    assert torch.equal(flipped.mask, sample.mask.flip(-1))
    expected = torch.tensor([[40.0, 10, 55, 30], [10, 2, 30, 9]])
    assert torch.allclose(flipped.boxes, expected, atol=1e-4)
    assert flipped.boxes.dtype == torch.float32
    assert flipped.mask.dtype == torch.uint8


def test_labels_stay_with_the_boxes_that_remain(paint: Paint) -> None:
    sample = paint((40, 60), (0, 0, 10, 10), (40, 20, 60, 40), (24, 5, 34, 20))
    crop = {"name": "Crop", "x_min": 32, "y_min": 0, "x_max": 60, "y_max": 40, "p": 1.0}
    cropped = run([crop], sample)
    assert cropped.labels.tolist() == [1, 2]  # 0 is outside, a fifth of 2 is inside
    assert torch.allclose(cropped.boxes[1], torch.tensor([0.0, 5, 2, 20]), atol=1e-4)


def test_hardly_visible_boxes_are_dropped(paint: Paint) -> None:
    sample = paint((40, 60), (0, 0, 30, 10))
    crop = {"name": "Crop", "y_min": 0, "x_max": 60, "y_max": 40, "p": 1.0}
    assert len(run([crop | {"x_min": 26}], sample).boxes) == 1  # 4 of 30 columns
    assert len(run([crop | {"x_min": 28}], sample).boxes) == 0  # 2 of 30


def test_boxes_that_stick_out_or_are_flat_do_no_harm(paint: Paint) -> None:
    sample = paint((40, 60), (5, 5, 20, 20), (0, 0, 1, 1))
    sample.boxes = torch.tensor([[-3.0, 5, 20, 44], [7, 7, 7, 20]])
    kept = run([{"name": "RandomGamma", "p": 1.0}], sample)
    assert kept.labels.tolist() == [0]
    assert torch.allclose(kept.boxes, torch.tensor([[0.0, 5, 20, 40]]), atol=1e-4)


def test_images_without_boxes_or_mask_pass(paint: Paint) -> None:
    sample = run([{"name": "Rotate", "p": 1.0}], replace(paint((40, 60)), mask=None))
    assert sample.boxes.shape == (0, 4)
    assert sample.labels.shape == (0,)
    assert sample.mask is None


def test_the_seed_decides_also_after_pickling(paint: Paint) -> None:
    sample = paint((40, 60), (5, 10, 20, 30))
    settings = [
        {
            "name": "OneOf",
            "p": 1.0,
            "transforms": [{"name": "Rotate", "p": 1.0}, {"name": "GaussNoise", "p": 1.0}],
        },
        {"name": "RandomGamma", "gamma_limit": [50, 150], "p": 0.5},
    ]
    here = Albumentations(settings)
    there = pickle.loads(pickle.dumps(here))
    runs = [
        [t(sample, np.random.default_rng(seed)) for seed in range(6)] for t in (here, there, here)
    ]
    for first, second, third in zip(*runs, strict=True):
        assert torch.equal(first.image, second.image)
        assert torch.equal(first.image, third.image)
        assert torch.equal(first.boxes, third.boxes)
    assert len({tuple(one.image.flatten().tolist()) for one in runs[0]}) > 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            [{"name": "RandomGama"}],
            r'albumentations\[0\]: .*no transform "RandomGama", did you mean "RandomGamma"',
        ),
        ([{"name": "Blur"}, {"name": "Zzz"}], r'albumentations\[1\]: .*no transform "Zzz"$'),
        (
            [{"name": "RandomGamma", "gama_limit": 3}],
            'no argument "gama_limit", did you mean "gamma_limit"',
        ),
        (
            [{"name": "RandomGamma", "gamma_limit": "x"}],
            r"albumentations\[0\]: RandomGamma: .*\n?gamma_limit",
        ),
        ([{"name": "Crop", "x_min": 5, "x_max": 3}], r"albumentations\[0\]: Crop: "),
        ([{"name": "SomeOf"}], r"albumentations\[0\]: SomeOf: .*transforms"),
        (
            [{"name": "OneOf", "transforms": [{"name": "Blr"}]}],
            r"\[0\]\.transforms\[0\]: .*did you mean \"Blur\"",
        ),
        ([{"name": "OneOf", "transforms": "Blur"}], "must be a list of transforms, got 'Blur'"),
        ([{"p": 0.5}], r"must be like \{name: RandomGamma, p: 0.5\}, got \{'p': 0.5\}"),
        (["Blur"], "must be like"),
        ([{"name": "Morphological"}], "Morphological is not offered: it fails under OpenCV 5"),
        ([{"name": "Normalize"}], "Normalize is not offered: the model normalises"),
        ([{"name": "BasicTransform"}], 'no transform "BasicTransform"'),
    ],
)
def test_mistakes_are_explained(settings: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Albumentations(settings)


def test_images_must_stay_images(paint: Paint) -> None:
    with pytest.raises(
        ValueError, match=r"must stay uint8 with 3 channels, but became uint8 of shape \(40, 60\)"
    ):
        run([{"name": "ToGray", "num_output_channels": 1, "p": 1.0}], paint((40, 60)))


def test_masks_of_several_classes_change_together(paint: Paint) -> None:
    """More of them than OpenCV fills at once, and what comes from outside is ignored."""
    sample = paint((40, 60), (10, 5, 50, 35))
    assert sample.mask is not None
    many = replace(sample, mask=torch.stack([sample.mask] * 6))
    for name in ("Rotate", "GridDistortion", "ElasticTransform"):
        settings = [{"name": name, "p": 1.0}]
        one, all_of_them = run(settings, sample, seed=4).mask, run(settings, many, seed=4).mask
        assert one is not None
        assert all_of_them is not None
        assert all_of_them.dtype == torch.uint8
        assert all(mask.equal(one) for mask in all_of_them)
    turned = run([{"name": "Rotate", "p": 1.0, "limit": [45, 45]}], sample)
    assert turned.mask is not None
    assert turned.mask[0, 0] == IGNORE
    assert turned.image[:, 0, 0].tolist() == [0, 0, 0]
    chosen = run([{"name": "Rotate", "p": 1.0, "limit": [45, 45], "fill_mask": 3}], sample)
    assert chosen.mask is not None
    assert chosen.mask[0, 0] == 3
