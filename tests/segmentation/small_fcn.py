"""Small segmenters of every kind, and made-up batches for the tests of this room."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from backbones.base import Backbone
from backbones.catalogue import BASIC
from backbones.fpn import FeaturePyramid, PyramidBackbone
from backbones.norm import FrozenNorm, group_norm
from backbones.pixels import PixelNorm
from backbones.resnet import Arch, ResNet
from lumbar.data.pixel_classes import IGNORE
from lumbar.ops.structures import Images
from segmentation.concat_head import ConcatHead
from segmentation.fcn import FCN
from segmentation.fcn_head import FCNHead
from segmentation.fpn_head import FPNHead
from segmentation.heads import Head
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.skip_head import SkipHead
from tests.segmentation.head_contract import spread

NUM_CLASSES = 3
SIZES = ((65, 97), (50, 70))


def small_fcn(kind: str) -> FCN:
    """A segmenter with random weights, always the same; all kinds but the pyramid have an auxiliary head."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return KINDS[kind]()


def _plain() -> FCN:
    body = _body(output_stride=8)
    return _join(body, FCNHead(body.features, num_classes=NUM_CLASSES), aux=True)


def _d6() -> FCN:
    body = _body(output_stride=16)
    return _join(body, ConcatHead(body.features, num_classes=NUM_CLASSES, dilation=6), aux=True)


def _pyramid() -> FCN:
    body = _body()
    pyramid = FeaturePyramid(body.features, channels=16)
    head = FPNHead(pyramid.features, num_classes=NUM_CLASSES, channels=16)
    return _join(PyramidBackbone(body, pyramid), head)


def _skip() -> FCN:
    body = _body()
    return _join(body, SkipHead(body.features, num_classes=NUM_CLASSES), aux=True)


KINDS: Mapping[str, Callable[[], FCN]] = {
    "plain": _plain,
    "d6": _d6,
    "pyramid": _pyramid,
    "skip": _skip,
}


def _body(*, output_stride: int = 32) -> ResNet:
    return ResNet(Arch((1, 1, 1, 1), BASIC, width=8), norm=FrozenNorm, output_stride=output_stride)


def _join(backbone: Backbone, head: Head, *, aux: bool = False) -> FCN:
    aux_head = None
    if aux:
        aux_head = spread(
            FCNHead(backbone.features, num_classes=NUM_CLASSES, level="c4", norm=group_norm)
        )
    return FCN(
        pixels=PixelNorm.of_imagenet(),
        backbone=backbone,
        head=spread(head),
        task=TASKS["multiclass"],
        loss=CrossEntropy(TASKS["multiclass"]),
        aux_head=aux_head,
    )


def make_images(
    sizes: Sequence[tuple[int, int]] = SIZES, *, canvas: tuple[int, int] = SIZES[0]
) -> Images:
    """Noise of whole numbers on a canvas (B, 3, *canvas) float32, zero outside the images."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.zeros(len(sizes), 3, *canvas)
    for row, (height, width) in zip(pixels, sizes, strict=True):
        row[:, :height, :width] = torch.randint(256, (3, height, width), generator=generator)
    return Images(pixels, torch.tensor(sizes), torch.tensor(sizes))


def make_labels(images: int = 2, *, canvas: tuple[int, int] = SIZES[0]) -> Tensor:
    """Random classes (images, *canvas) uint8; nobody knows those of the first rows."""
    generator = torch.Generator().manual_seed(2)
    labels = torch.randint(NUM_CLASSES, (images, *canvas), generator=generator, dtype=torch.uint8)
    labels[:, :8] = IGNORE
    return labels
