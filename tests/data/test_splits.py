"""The loaders of any task: what a task says is loaded, by the ranks and in the order of all tasks."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from lumbar.data.collate import collate_masks
from lumbar.data.config import LoadingConfig
from lumbar.data.sample import Sample
from lumbar.data.splits import EvalSet, Split, SplitModule, TrainSet, aspect_groups


class Numbers(Dataset[Sample]):
    """Images of one pixel, whose brightness is their number."""

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        return Sample(
            image=torch.full((3, 1, 1), index, dtype=torch.uint8),
            boxes=torch.zeros(0, 4),
            labels=torch.zeros(0, dtype=torch.int64),
            original_size=(1, 1),
            image_id=index,
            seed=epoch,
            mask=torch.full((1, 1), epoch, dtype=torch.uint8),
        )


class Task(SplitModule):
    """Ten images to train on, in two groups, and seven to evaluate, on two canvases."""

    def __init__(self, config: LoadingConfig) -> None:
        super().__init__(config, seed=3)
        self.prepared: list[str] = []

    def prepare(self, split: Split) -> None:
        self.prepared.append(split)

    def train_set(self) -> TrainSet:
        collate = partial(collate_masks, multiple=1, canvas_buckets=(), frame="canvas")
        return TrainSet(Numbers(), np.arange(10) % 2, collate)

    def eval_set(self, split: Split) -> EvalSet:
        collate = partial(collate_masks, multiple=4, canvas_buckets=(), frame="file")
        return EvalSet(Numbers(), [(4, 4)] * 3 + [(8, 8)] * 4, collate)


@pytest.fixture
def task() -> Task:
    return Task(LoadingConfig(batch_size_per_device=2, eval_batch_size_per_device=2, workers=0))


def test_a_stage_prepares_what_it_needs(task: Task) -> None:
    for stage in ("fit", "validate", "test"):
        task.setup(stage)

    assert task.prepared == ["train", "val", "val", "test"]


def test_training_goes_on_from_epoch_to_epoch_within_groups(task: Task) -> None:
    loader = task.train_dataloader()

    for epoch in range(2):
        batches = list(loader)
        assert len(batches) == len(loader) == 4
        for batch in batches:
            assert len({image_id % 2 for image_id in batch.image_ids.tolist()}) == 1
            assert batch.labels.unique().tolist() == [epoch]
    assert loader.state_dict() == {"epoch": 2, "batches": 0}


def test_evaluation_sees_each_image_once_with_those_of_its_canvas(task: Task) -> None:
    for loader in (task.val_dataloader(), task.test_dataloader()):
        batches = [batch.image_ids.tolist() for batch in loader]
        assert batches == [[0, 1], [2], [3, 4], [5, 6]]


def test_workers_load_the_same(task: Task, tmp_path: Path) -> None:
    apart = Task(LoadingConfig(batch_size_per_device=2, workers=1)).train_dataloader()

    here = [batch.image_ids.tolist() for batch in task.train_dataloader()]

    assert [batch.image_ids.tolist() for batch in apart] == here


def test_squares_are_landscapes() -> None:
    assert aspect_groups(np.array([[3, 4], [4, 3], [4, 4]])).tolist() == [1, 0, 1]
