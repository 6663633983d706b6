"""The nouns travel as tuples of tensors."""

import torch
from lightning.fabric.utilities import move_data_to_device

from lumbar.ops.structures import Batch, Detections, Images, Targets


def test_one_image_comes_without_padding() -> None:
    detections = Detections(
        boxes=torch.arange(24.0).view(2, 3, 4),
        scores=torch.tensor([[0.9, 0.5, 0.0], [0.0, 0.0, 0.0]]),
        labels=torch.tensor([[1, 0, -1], [-1, -1, -1]]),
        valid=torch.tensor([[True, True, False], [False, False, False]]),
    )

    assert detections.image(0).labels.tolist() == [1, 0]
    assert detections.image(0).boxes.shape == (2, 4)
    assert len(detections.image(1).scores) == 0


def test_lightning_moves_a_batch_and_keeps_its_types() -> None:
    images = Images(torch.zeros(1, 3, 8, 8), torch.tensor([[8, 8]]), torch.tensor([[8, 8]]))
    targets = Targets(torch.zeros(1, 8, 4), torch.zeros(1, 8), torch.zeros(1, 8), torch.tensor([1]))

    moved = move_data_to_device(Batch(images, targets, torch.tensor([7])), torch.device("meta"))

    assert isinstance(moved, Batch)
    assert isinstance(moved.images, Images)
    assert moved.targets.boxes.device.type == "meta"
