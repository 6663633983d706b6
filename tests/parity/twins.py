"""One scene for torchvision's Faster R-CNN and for ours: the same weights, real images, targets and samples."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models.detection import fasterrcnn_resnet50_fpn_v2

from benchmarks.twins import Twins, make_twins
from detection.build import make_detector
from detection.config import ModelConfig
from detection.sampler import BalancedSampler
from detection.weights import from_state
from lumbar.ops.structures import Images, Targets

NUM_CLASSES = 20
SIZES = ((136, 192), (120, 160))
PADDED_TARGETS = 8


def make_scaled_twins(pictures: list[Tensor]) -> Twins:
    """R50-FPN detectors whose scores and boxes spread so far that there are many distinct detections."""
    torch.manual_seed(0)
    pixels = torch.stack([picture[:, :96, :96] for picture in pictures]) * 4 - 2
    twins = make_twins(pixels, num_classes=NUM_CLASSES)
    sampler = twins.ours.roi_heads.sampler
    sampler.batch, sampler.max_positive = 32, 8  # the head takes long in float64
    return _spread(twins)


def make_scaled_twins_v2(pictures: list[Tensor]) -> Twins:
    """The same of torchvision's second version, with few regions."""
    torch.manual_seed(0)
    few = {"rpn_post_nms_top_n_test": 60, "rpn_post_nms_top_n_train": 60}
    theirs = fasterrcnn_resnet50_fpn_v2(
        weights=None,
        weights_backbone=None,
        num_classes=NUM_CLASSES + 1,
        box_batch_size_per_image=16,
        **few,
    )
    theirs.transform.resize = lambda image, target: (image, target)
    _calibrate_norms(theirs, pictures)
    weights = from_state(theirs.state_dict(), "torchvision's second version")
    settings = weights.config.model.model_dump()
    settings["rpn"] |= {"test_post_nms": 60, "train_post_nms": 60}
    settings["roi"] |= {"batch": 16}
    ours = make_detector(ModelConfig.model_validate(settings), NUM_CLASSES).eval()
    ours.load_state_dict(weights.state)
    return _spread(Twins(theirs, ours.requires_grad_()))


def norms_of(model: nn.Module) -> list[nn.BatchNorm2d]:
    """Its batch norms."""
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def _calibrate_norms(theirs: nn.Module, pictures: list[Tensor]) -> None:
    """Random affines, and the statistics of these pictures, through all layers at once."""
    for norm in norms_of(theirs):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.2)
        norm.momentum = 1.0
    with torch.no_grad():
        theirs.train()(pictures, make_targets()[0])


def _spread(twins: Twins) -> Twins:
    with torch.no_grad():
        for model in twins:
            model.rpn.head.cls_logits.weight.mul_(10)
            model.rpn.head.bbox_pred.weight.mul_(5)
            model.roi_heads.box_predictor.cls_score.weight.mul_(4)
    return twins


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
