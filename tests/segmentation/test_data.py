"""Images and masks become batches: to train on with one canvas, to evaluate with the labels of the files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.ops.structures import MaskBatch
from segmentation.class_weights import median_frequency_weights
from segmentation.data import MaskDataModule, make_datamodule
from segmentation.data_config import (
    MaskAugmentConfig,
    MaskDataConfig,
    MaskResizeConfig,
    MaskSplitConfig,
)
from tests.data.mask_files import write_image, write_mask, write_pairs

SIZES = [(40, 60), (60, 40), (30, 30), (40, 60), (50, 45)]
"""Of the images of a split."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Training and validation splits with the values 0, 1, 2 and, to be ignored, 9."""
    for split in ("train", "val"):
        rng = np.random.default_rng(len(split))
        masks = [rng.choice([0, 1, 2, 9], size, p=[0.6, 0.2, 0.1, 0.1]) for size in SIZES]
        write_pairs(tmp_path / split, *[mask.astype(np.uint8) for mask in masks])
    return tmp_path


def make(root: Path, *, options: Any = None, **changes: Any) -> MaskDataModule:
    config = MaskDataConfig(
        root=str(root),
        train=MaskSplitConfig(images="train/images", masks="train/masks"),
        val=MaskSplitConfig(images="val/images", masks="val/masks"),
        classes={"ground": 0, "tree": 1, "house": 2},
        void=(9,),
        workers=0,
    )
    changed = config.model_copy(update=changes)
    return make_datamodule(changed, in_channels=3, seed=5, **(options or {}))


def test_training_batches_have_the_canvas_of_the_crop(root: Path) -> None:
    augment = MaskAugmentConfig(scale=(0.5, 2.0), crop=(48, 40), cat_max_ratio=0.9)
    loader = make(root, augment=augment).train_dataloader()

    batches = list(loader)

    assert len(batches) == len(loader) == 2
    for batch in batches:
        assert isinstance(batch, MaskBatch)
        assert batch.images.canvas.shape == (2, 3, 48, 40)
        assert (batch.labels.shape, batch.labels.dtype) == ((2, 48, 40), torch.uint8)
        for labels, (height, width) in zip(batch.labels, batch.images.sizes.tolist(), strict=True):
            outside = torch.ones(48, 40, dtype=torch.bool)
            outside[:height, :width] = False
            assert (labels[outside] == IGNORE).all()
            assert {*labels.unique().tolist()} <= {0, 1, 2, IGNORE}
    assert {*torch.cat([batch.image_ids for batch in batches]).tolist()} < {1, 2, 3, 4, 5}


def test_without_a_crop_a_batch_has_one_orientation(root: Path) -> None:
    for batch in make(root).train_dataloader():
        height, width = batch.images.sizes.unbind(1)
        assert (width >= height).unique().numel() == 1
        assert batch.labels.shape[-2:] == batch.images.canvas.shape[-2:]
    together = make(root, group_by_aspect=False, batch_size_per_device=5).train_dataloader()
    (batch,) = together
    assert batch.images.canvas.shape == (5, 3, 64, 64)


def test_evaluation_has_the_labels_of_the_files(root: Path) -> None:
    """However images are resized, and whatever is in a batch."""
    resize = MaskResizeConfig(test_short=64)
    for size in (1, 3):
        data = make(root, resize=resize, eval_batch_size_per_device=size)
        seen = []
        for images, labels, _, ids in data.val_dataloader():
            assert min(images.sizes.flatten().tolist()) == 64
            height, width = images.original_sizes.amax(0).tolist()
            assert labels.shape == (len(ids), height, width)
            for row, image_id in zip(labels, ids.tolist(), strict=True):
                rows, columns = SIZES[image_id - 1]
                expected = data.records("val").labels(image_id - 1, (rows, columns))
                assert np.array_equal(row[:rows, :columns], expected)
                assert (row == IGNORE).sum() == row.numel() - (expected != IGNORE).sum()
                seen.append(image_id)
        assert sorted(seen) == [1, 2, 3, 4, 5]


def test_evaluation_can_resize_labels_with_their_images(root: Path) -> None:
    data = make(root, options={"scored_at": "resized"}, resize=MaskResizeConfig(test_short=64))

    for images, labels, _seeds, _ids in data.val_dataloader():
        assert labels.shape[-2:] == images.canvas.shape[-2:]
        (height, width), *_ = images.sizes.tolist()
        assert (labels[0, :height, :width] != IGNORE).float().mean() > 0.8
        assert (labels[0, height:] == IGNORE).all()


def test_the_canvas_of_evaluation_follows_from_the_image(root: Path) -> None:
    canvases: dict[int, torch.Tensor] = {}
    for size in (1, 5):
        for images, *_, ids in make(root, eval_batch_size_per_device=size).val_dataloader():
            for image_id, canvas in zip(ids.tolist(), images.canvas, strict=True):
                height, width = SIZES[image_id - 1]
                assert canvas.shape[1:] == (-(-height // 32) * 32, -(-width // 32) * 32)
                assert torch.equal(canvases.setdefault(image_id, canvas), canvas)


def test_class_weights_come_from_the_training_split(root: Path) -> None:
    data = make(root)
    records = data.records("train")
    labels = [records.labels(index, size).flatten() for index, size in enumerate(SIZES)]
    pixels = np.array([np.bincount(one, minlength=256)[:3] for one in labels])
    labelled = pixels.sum(1, keepdims=True).repeat(3, axis=1)

    weights = data.class_weights()

    assert weights == median_frequency_weights(pixels, labelled).tolist()
    assert data.class_counts("train").pixels.tolist() == pixels.sum(0).tolist()
    assert data.class_counts("train") is data.class_counts("train")


def test_classes_of_a_model_number_the_labels(root: Path) -> None:
    model = PixelClasses.parse({"house": 7, "sea": 3, "ground": 4, "tree": 5})

    own, numbered = (
        make(root, options={"classes": classes}).records("val").labels(0, SIZES[0])
        for classes in (None, model)
    )

    places = np.full(256, IGNORE)
    places[:3] = 2, 3, 0
    assert np.array_equal(numbered, places[own])
    assert make(root, options={"classes": model}).classes == model


def test_pixels_of_several_classes(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_image(tmp_path / split / "images/a.png", (20, 30))
        values = np.zeros((20, 30), dtype=np.uint8)
        values[:5] = 255
        write_mask(tmp_path / split / "masks/tree/a.png", values)
        (tmp_path / split / "masks/house").mkdir()
    splits = {
        split: MaskSplitConfig(
            images=f"{split}/images", masks=f"{split}/masks", format="class_folders"
        )
        for split in ("train", "val")
    }
    for name in ("train", "val"):
        write_mask(tmp_path / name / "masks/house/a.png", values.T.reshape(20, 30))
    classes = {"tree": 255, "house": 255}
    data = make(tmp_path, classes=classes, batch_size_per_device=1, **splits)
    data.setup("fit")

    (train,), (val,) = data.train_dataloader(), data.val_dataloader()

    assert train.labels.shape == (1, 2, 32, 32)
    assert val.labels.shape == (1, 2, 20, 30)
    assert val.labels[0, 0].numpy().tobytes() == (values // 255).tobytes()
    assert data.records("train").multilabel
    crop = MaskAugmentConfig(crop=(8, 8), cat_max_ratio=0.5)
    with pytest.raises(ValueError, match=r"data\.augment\.cat_max_ratio: .* set it to 1"):
        make(tmp_path, classes=classes, augment=crop, **splits).train_dataloader()


def test_camvid_is_ready_to_train_on(shared_data: Path) -> None:
    splits = {
        split: MaskSplitConfig(images=f"{split}/images", masks=f"{split}/labels", limit=6)
        for split in ("train", "val", "test")
    }
    data = make(shared_data / "camvid", classes="camvid", void=(), **splits)
    data.setup("fit")

    assert len(data.classes) == 11
    assert data.class_counts("train").pixels.sum() > 0.8 * 6 * 480 * 360
    (batch, *_) = data.train_dataloader()
    assert batch.images.canvas.shape == (2, 3, 384, 480)
