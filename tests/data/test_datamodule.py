"""From files to batches, as Lightning drives it: splits, shards, canvases and a run that resumes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from PIL import Image
from torch.utils.data import Dataset

from lumbar.data.categories import Categories
from lumbar.data.config import AugmentConfig, DataConfig, ResizeConfig, SplitConfig
from lumbar.data.datamodule import DataModule
from lumbar.data.image_io import read_image
from lumbar.data.records import Records
from lumbar.data.sample import Sample, Transform, item_seed
from lumbar.data.sizes import canvas_of
from lumbar.ops.structures import Batch

SIZES = [(40, 60), (60, 40), (40, 60), (33, 47), (60, 44), (48, 48), (40, 60)]
"""Height and width of the images of a split."""
RESIZE = ResizeConfig(short=(24, 32), test_short=32, long=64)


class Whole(Dataset[Sample]):
    """The least that a task has to write."""

    def __init__(
        self, records: Records, transform: Transform, seed: int, *, bad_images: str = "stop"
    ) -> None:
        self.records, self.transform, self.seed = records, transform, seed
        self.bad_images = bad_images

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        record = self.records[index]
        image = torch.from_numpy(read_image(record.path)).permute(2, 0, 1)
        boxes, labels = torch.from_numpy(record.boxes).float(), torch.from_numpy(record.labels)
        seed = item_seed(self.seed, epoch, record.image_id)
        size = (image.shape[1], image.shape[2])
        sample = Sample(image, boxes, labels, size, image_id=record.image_id, seed=seed)
        return self.transform(sample, np.random.default_rng(seed))


def write_split(root: Path, name: str, *, empty: int = 1) -> None:
    """Writes images and a COCO file in which the last `empty` images have no box."""
    (root / name).mkdir(parents=True)
    images, annotations = [], []
    for number, (height, width) in enumerate(SIZES, start=1):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / name / f"{number}.png")
        images.append(
            {"id": number, "file_name": f"{number}.png", "height": height, "width": width}
        )
        box = {"bbox": [5, 6, 20, 15], "area": 300, "iscrowd": 0, "category_id": 3}
        if number <= len(SIZES) - empty:
            annotations.append({"id": number, "image_id": number, **box})
    categories = [{"id": 3, "name": "cell"}, {"id": 8, "name": "dust"}]
    table = {"images": images, "annotations": annotations, "categories": categories}
    (root / f"{name}.json").write_text(json.dumps(table))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a training and a validation split."""
    for name in ("train", "val"):
        write_split(tmp_path / "cells", name)
    return tmp_path


def make(root: Path, *, categories: Categories | None = None, **changes: Any) -> DataModule:
    splits = {
        name: SplitConfig(images=name, annotations=f"{name}.json")
        for name in ("train", "val", "test")
    }
    config = DataConfig(root="cells", resize=RESIZE, workers=0, **splits)
    config = config.model_copy(update=changes)
    return DataModule(config, Whole, root=root, seed=5, categories=categories)


def test_training_leaves_out_empty_images_and_evaluation_keeps_them(root: Path) -> None:
    data = make(root)
    assert len(data.records("train")) == 6
    assert len(data.records("val")) == 7
    assert len(make(root, keep_empty=True).records("train")) == 7
    assert data.records("train") is data.records("train")


def test_training_batches_hold_one_aspect_and_change_with_the_epoch(root: Path) -> None:
    loader = make(root).train_dataloader()
    epochs = [[batch.targets.seeds.tolist() for batch in loader] for _ in range(2)]
    assert len(epochs[0]) == len(loader) == 3
    assert epochs[0] != epochs[1]
    for batch in loader:
        height, width = batch.images.original_sizes.unbind(1)
        assert (width >= height).unique().numel() == 1
        assert batch.images.canvas.dtype == torch.uint8
        assert batch.targets.valid.sum(1).tolist() == [1, 1]


def test_grouping_can_be_turned_off_and_is_off_on_square_canvases(root: Path) -> None:
    square = AugmentConfig(scale_jitter=(0.5, 1.0), scale_jitter_size=64)
    for changes in ({"group_by_aspect": False}, {"augment": square}):
        loader = make(root, **changes).train_dataloader()
        orientations = set()
        for batch in (batch for _ in range(5) for batch in loader):
            height, width = batch.images.original_sizes.unbind(1)
            orientations.add((width >= height).unique().numel())
        assert 2 in orientations


def test_evaluation_canvas_depends_on_the_image_alone(root: Path) -> None:
    alone, together = make(root), make(root, eval_batch_size_per_device=4)
    canvases: dict[int, Any] = {}
    for data in (alone, together):
        for images, _, ids in data.val_dataloader():
            for image_id, canvas in zip(ids.tolist(), images.canvas, strict=True):
                height, width = SIZES[image_id - 1]
                assert canvas.shape[1:] == canvas_of((height, width), RESIZE, 32, ())
                assert torch.equal(canvases.setdefault(image_id, canvas), canvas)
    assert sorted(canvases) == [1, 2, 3, 4, 5, 6, 7]
    assert len(together.val_dataloader()) < len(alone.val_dataloader()) == 7


def test_workers_give_the_same_batches(root: Path) -> None:
    here, there = make(root).train_dataloader(), make(root, workers=2).train_dataloader()
    for _ in range(2):
        for first, second in zip(here, there, strict=True):
            assert torch.equal(first.images.canvas, second.images.canvas)
            assert torch.equal(first.targets.boxes, second.targets.boxes)


def test_classes_come_from_validation_where_no_training_is_named(root: Path) -> None:
    categories = make(root).categories
    assert categories.names == ("cell", "dust")
    assert make(root, train=SplitConfig()).categories == categories


def test_missing_training_is_named_as_such(root: Path) -> None:
    (root / "cells" / "train.json").unlink()
    with pytest.raises(ValueError, match=r"data\.train\.annotations"):
        _ = make(root).categories


def test_labels_are_numbered_as_in_training(root: Path) -> None:
    table = json.loads((root / "cells" / "val.json").read_text())
    table["categories"] = [{"id": 1, "name": "dust"}, {"id": 3, "name": "cell"}]
    (root / "cells" / "val.json").write_text(json.dumps(table))
    records = make(root).records("val")
    assert records.categories == make(root).records("train").categories
    assert {label for record in records for label in record.labels} == {0}


def test_classes_that_the_model_does_not_know_are_refused(root: Path) -> None:
    known = Categories(names=("dust", "leaf"), ids=(1, 2))
    with pytest.raises(ValueError, match=r"data\.val\.annotations: the classes \['cell'\]"):
        make(root, categories=known).records("val")


def test_missing_files_are_found_at_setup(root: Path) -> None:
    data = make(root)
    data.setup("fit")
    data.setup("validate")
    with pytest.raises(ValueError, match=r"data\.test"):
        data.setup("test")
    (root / "cells" / "val.json").unlink()
    with pytest.raises(ValueError, match=r"data\.val"):
        make(root).setup("fit")


def test_training_without_any_box_is_refused(tmp_path: Path) -> None:
    write_split(tmp_path / "cells", "train", empty=len(SIZES))
    with pytest.raises(ValueError, match=r"none of the 7 images of .*keep_empty"):
        make(tmp_path).records("train")


class Recorder(LightningModule):
    """A model whose weight depends on the order of what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[list[int]] = []
        self.evaluated: list[int] = []

    def training_step(self, batch: Batch) -> torch.Tensor:
        self.seen.append(batch.targets.seeds.tolist())
        return (self.weight - batch.images.canvas.float().mean() / 255).square()

    def validation_step(self, batch: Batch) -> None:
        self.evaluated += batch.image_ids.tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def train(root: Path, tmp_path: Path) -> Callable[..., Recorder]:
    """Trains for some steps, from a checkpoint if there is one."""

    def run(steps: int, *, resume: Path | None = None) -> Recorder:
        module = Recorder()
        trainer = Trainer(
            max_steps=steps,
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            callbacks=[
                ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1)
            ],
        )
        trainer.fit(module, datamodule=make(root), ckpt_path=resume, weights_only=True)
        return module

    return run


@pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # Lightning, torch 2.15
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("stop", [2, 3, 4])
def test_lightning_resumes_where_it_stopped(
    stop: int, train: Callable[..., Recorder], tmp_path: Path
) -> None:
    whole = train(7)  # two epochs of three batches, and one batch
    rest = train(7, resume=tmp_path / f"step={stop}.ckpt")
    assert rest.seen == whole.seen[stop:]
    assert torch.equal(rest.weight, whole.weight)
    assert sorted(whole.evaluated) == sorted([1, 2, 3, 4, 5, 6, 7] * 2)


def test_canvases_from_the_data_hold_training_and_evaluation(root: Path) -> None:
    chosen, given = (
        make(root, canvas_buckets=canvases, pad_multiple=8, test=SplitConfig())
        for canvases in ("auto", ((32, 48), (48, 32), (64, 64)))
    )
    for data in (chosen, given):
        batches = [*data.train_dataloader(), *data.val_dataloader()]
        shapes = {tuple(batch.images.canvas.shape[-2:]) for batch in batches}
        assert shapes <= {*data.canvases}

    assert chosen.canvases == ((32, 32), (32, 48), (48, 32))
    assert chosen.explain_canvases().startswith("32 x 32, 32 x 48, 48 x 32; ")


def test_canvases_that_were_chosen_make_the_same_batches_when_they_are_given(root: Path) -> None:
    chosen = make(root, canvas_buckets="auto", pad_multiple=8, test=SplitConfig())
    given = make(root, canvas_buckets=chosen.canvases, pad_multiple=8, test=SplitConfig())

    ids, same = (
        [batch.image_ids.tolist() for batch in data.train_dataloader()] for data in (chosen, given)
    )
    assert ids == same


def test_a_batch_is_made_up_for_each_canvas(root: Path) -> None:
    data = make(root, canvas_buckets=((32, 64), (64, 64)))

    made = {canvas: make_batch() for canvas, make_batch in data.made_up_batches().items()}

    assert [tuple(batch.images.canvas.shape) for batch in made.values()] == [
        (2, 3, 64, 64),
        (2, 3, 32, 64),
    ]
    assert made[32, 64].targets.boxes.shape == (2, 8, 4)
    assert make(root).made_up_batches() == {}
