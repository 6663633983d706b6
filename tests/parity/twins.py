"""One scene for torchvision's Faster R-CNN and for ours: the same weights, real images, targets and samples."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.twins import Twins, make_twins
from detection.sampler import BalancedSampler
from lumbar.ops.structures import Images, Targets

NUM_CLASSES = 20
SIZES = ((136, 192), (120, 160))
PADDED_TARGETS = 8


def make_scaled_twins(pictures: list[Tensor]) -> Twins:
    """R50-FPN detectors whose scores and boxes spread so far that there are many distinct detections."""
    torch.manual_seed(0)
    pixels = torch.stack([picture[:, :96, :96] for picture in pictures]) * 4 - 2
    theirs, ours = make_twins(pixels, num_classes=NUM_CLASSES)
    with torch.no_grad():
        for model, predictor in ((theirs, theirs.roi_heads), (ours, ours.roi_heads)):
            model.rpn.head.cls_logits.weight.mul_(10)
            model.rpn.head.bbox_pred.weight.mul_(5)
            predictor.box_predictor.cls_score.weight.mul_(4)
    return Twins(theirs, ours)


def real_images(folder: Path) -> list[Tensor]:
    """Two photographs, (3, H, W) in 0 to 1, of different sizes."""
    files = sorted(folder.rglob("*.jpg"))[:2]
    pixels = [
        Image.open(file).convert("RGB").resize(size[::-1])
        for file, size in zip(files, SIZES, strict=True)
    ]
    dtype = torch.get_default_dtype()
    return [torch.from_numpy(np.array(p)).permute(2, 0, 1).to(dtype) / 255 for p in pixels]


def to_images(pictures: list[Tensor]) -> Images:
    """The same pictures on one canvas (B, 3, H, W) in 0 to 255, padded to a multiple of 32 as torchvision does."""
    height, width = (-(-max(side) // 32) * 32 for side in zip(*SIZES, strict=True))
    canvas = torch.zeros(len(pictures), 3, height, width)
    for row, picture in zip(canvas, pictures, strict=True):
        row[:, : picture.shape[1], : picture.shape[2]] = picture * 255
    sizes = torch.tensor(SIZES)
    return Images(canvas, sizes, sizes)


def make_targets() -> tuple[list[dict[str, Tensor]], Targets]:
    """The same ground truth in torchvision's format and in ours."""
    boxes = [
        torch.tensor(
            [[20.0, 30.0, 110.0, 130.0], [80.0, 40.0, 180.0, 120.0], [5.0, 5.0, 40.0, 60.0]]
        ),
        torch.tensor([[50.0, 30.0, 150.0, 110.0]]),
    ]
    labels = [torch.tensor([3, 7, 1]), torch.tensor([19])]
    theirs = [{"boxes": b, "labels": n + 1} for b, n in zip(boxes, labels, strict=True)]
    ours = Targets(
        torch.zeros(2, PADDED_TARGETS, 4),
        torch.zeros(2, PADDED_TARGETS, dtype=torch.int64),
        torch.zeros(2, PADDED_TARGETS, dtype=torch.bool),
        torch.tensor([11, 12345]),
    )
    for image, (image_boxes, image_labels) in enumerate(zip(boxes, labels, strict=True)):
        count = len(image_labels)
        ours.boxes[image, :count] = image_boxes
        ours.labels[image, :count] = image_labels
        ours.valid[image, :count] = True
    return theirs, ours


class OurSampler:
    """Stands in for torchvision's sampler and chooses what ours chooses.

    Ours sees padded rows; `places` says for each image which of them torchvision's boxes are.
    """

    def __init__(
        self, sampler: BalancedSampler, seeds: Tensor, rows: int, places: list[Tensor]
    ) -> None:
        self.sampler = sampler
        self.seeds = seeds
        self.rows = rows
        self.places = places

    def __call__(self, matched: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Masks of the chosen positive and negative boxes, from torchvision's labels of its boxes."""
        chosen = [self._image(*row) for row in zip(matched, self.seeds, self.places, strict=True)]
        positive, negative = zip(*chosen, strict=True)
        return list(positive), list(negative)

    def _image(self, matched: Tensor, seed: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        padded = torch.full((1, self.rows), -1.0)
        padded[0, places] = matched.to(padded.dtype)
        samples = self.sampler(padded >= 1, padded == 0, seed[None])
        masks = torch.zeros(2, self.rows, dtype=torch.uint8)
        masks[0, samples.indices[samples.positive]] = 1
        masks[1, samples.indices[samples.valid & ~samples.positive]] = 1
        return masks[0, places], masks[1, places]
