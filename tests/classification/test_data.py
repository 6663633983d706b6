"""Loaders of labelled images: each once in evaluation, classes by the training split, mistakes before anything slow."""

from pathlib import Path

import pytest
import torch

from classification.data import make_datamodule
from tests.classification.runs import NAMES, PER_CLASS, tiny_run


def test_training_batches_are_full_and_repeatable(examples: Path) -> None:
    config = tiny_run(examples)
    data, again = (make_datamodule(config.data, in_channels=3, seed=0) for _ in range(2))

    batches, same = (list(module.train_dataloader()) for module in (data, again))

    assert len(batches) == 3 * PER_CLASS["train"] // 8
    assert all(batch.images.canvas.shape == (8, 3, 32, 32) for batch in batches)
    for one, other in zip(batches, same, strict=True):
        assert torch.equal(one.images.canvas, other.images.canvas)
    labels = torch.cat([batch.targets.labels for batch in batches])
    assert labels.bincount().tolist() == [PER_CLASS["train"]] * 3


def test_repeated_images_are_changed_otherwise_each_time(examples: Path) -> None:
    config = tiny_run(examples, ["data.repeats=2"])
    data = make_datamodule(config.data, in_channels=3, seed=0)

    batches = list(data.train_dataloader())

    assert len(batches) == 3 * PER_CLASS["train"] // 8
    for images, targets, ids in batches:
        assert ids[::2].tolist() == ids[1::2].tolist()
        assert len(targets.seeds.unique()) == 8
        same = (images.canvas[::2] == images.canvas[1::2]).flatten(1).all(1)
        assert not same.all()


def test_a_batch_is_made_up_for_the_canvas(examples: Path) -> None:
    """That the images fill, or not quite."""
    for multiple, edge in ((1, 32), (24, 48)):
        config = tiny_run(examples, [f"data.pad_multiple={multiple}"])
        data = make_datamodule(config.data, in_channels=3, seed=0)

        ((canvas, make),) = data.made_up_batches().items()

        images, targets, _ = make()
        assert canvas == (edge, edge)
        assert images.canvas.shape == (8, 3, edge, edge)
        assert targets.labels.shape == (8,)


@pytest.mark.parametrize("split", ["train", "val"])
def test_each_image_is_evaluated_once(split: str, examples: Path) -> None:
    data = make_datamodule(tiny_run(examples).data, in_channels=1, seed=0)

    batches = list(data.plain_loader(split))

    ids = torch.cat([batch.image_ids for batch in batches]).tolist()
    assert ids == data.images(split).places.tolist()
    assert batches[0].images.canvas.shape[1:] == (1, 32, 32)


def test_classes_are_those_of_the_training_split_or_of_the_model(examples: Path) -> None:
    config = tiny_run(examples).data
    assert make_datamodule(config, in_channels=3, seed=0).class_names == NAMES

    names = ("WBC", "Platelets", "RBC", "dust")
    data = make_datamodule(config, in_channels=3, seed=0, class_names=names)
    assert data.images("val").counts().tolist() == [PER_CLASS["val"]] * 3 + [0]

    data = make_datamodule(config, in_channels=3, seed=0, class_names=("RBC", "WBC"))
    with pytest.raises(ValueError, match=r"data\.val: images of the classes Platelets"):
        data.prepare("val")


def test_one_class_is_nothing_to_learn(examples: Path) -> None:
    config = tiny_run(examples, ["data.train.limit=4"])
    data = make_datamodule(config.data, in_channels=3, seed=0)
    labels = {data.images("train").class_names[label] for label in data.images("train").labels}

    if len(labels) == 1:
        with pytest.raises(ValueError, match=r"nothing to learn: all .* images are of the class"):
            data.prepare("train")


def test_memory_changes_nothing(examples: Path) -> None:
    kept, read = (
        make_datamodule(
            tiny_run(examples, [f"data.cache_images={answer}"]).data, in_channels=3, seed=0
        )
        for answer in ("true", "false")
    )

    for one, other in zip(kept.val_dataloader(), read.val_dataloader(), strict=True):
        assert torch.equal(one.images.canvas, other.images.canvas)
