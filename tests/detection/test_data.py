"""Settings of the data reach the loaders and their data set."""

from pathlib import Path

import pytest
import torch

from detection.data import make_datamodule
from detection.dataset import DetectionDataset
from lumbar.data.categories import Categories
from lumbar.ops.structures import Batch
from tests.detection.runs import tiny_run


def test_batches_hold_images_and_their_boxes(examples: Path) -> None:
    datamodule = make_datamodule(tiny_run(examples, ["data.batch_size_per_device=4"]))

    (batch,) = datamodule.train_dataloader()

    assert isinstance(batch, Batch)
    assert batch.images.canvas.shape == (4, 3, 96, 128)
    assert batch.images.original_sizes.unique(dim=0).tolist() == [[480, 640]]
    assert sorted(batch.image_ids.tolist()) == sorted(datamodule.records("train").image_ids)
    boxes = batch.targets.boxes[batch.targets.valid]
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes.max() > 64
    assert batch.targets.labels.max() <= 2


def test_settings_reach_the_data_set(examples: Path) -> None:
    changes = ["seed=3", "data.cache_images=true", "model.backbone.in_channels=1"]
    datamodule = make_datamodule(tiny_run(examples, changes))

    dataset = datamodule.train_dataloader().dataset

    assert isinstance(dataset, DetectionDataset)
    assert dataset.seed == 3
    assert dataset._read(0) is dataset._read(0)
    assert dataset[0, 0].image.shape[0] == 1


def test_classes_of_a_model_number_the_labels(examples: Path) -> None:
    config = tiny_run(examples)
    own = make_datamodule(config).records("val")
    model_classes = Categories(("Platelets", "none", "WBC", "RBC"), (9, 8, 7, 6))

    records = make_datamodule(config, model_classes).records("val")

    assert records.categories == model_classes
    for record, same in zip(records, own, strict=True):
        names = [own.categories.names[label] for label in same.labels]
        assert [model_classes.names[label] for label in record.labels] == names


def test_nothing_is_read_before_it_is_needed(examples: Path, tmp_path: Path) -> None:
    datamodule = make_datamodule(tiny_run(examples, [f"data.root={tmp_path}"]))

    with pytest.raises(ValueError, match=r"data\.test\.annotations: no such file"):
        datamodule.records("test")


def test_relative_roots_start_from_the_project(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    records = make_datamodule(tiny_run(examples, ["data.root=examples/bccd"])).records("val")

    assert records[0].path.parent == examples / "bccd" / "images"


def test_evaluation_repeats_itself_and_training_does_not(examples: Path) -> None:
    datamodule = make_datamodule(tiny_run(examples, ["data.batch_size_per_device=4"]))
    val, train = datamodule.val_dataloader(), datamodule.train_dataloader()

    def pixels(loader: object) -> torch.Tensor:
        return torch.cat([batch.images.canvas for batch in loader])  # type: ignore[attr-defined]

    assert torch.equal(pixels(val), pixels(val))
    assert not torch.equal(pixels(train), pixels(train))
