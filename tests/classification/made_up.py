"""Labelled images in memory, bodies that answer at once, and files in CIFAR's formats."""

import pickle
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbones.base import FeatureSpec
from backbones.body import Body
from backbones.pixels import PixelNorm
from classification.labelled import Decoding, LabelledImages, Pixels
from classification.losses import Criterion, SoftmaxCrossEntropy
from classification.mixing import Mixing
from classification.network import PooledNetwork
from lumbar.data.sample import Sample
from lumbar.ops.structures import Images


class Memory:
    """A source of random images, always the same."""

    def __init__(self, count: int, size: tuple[int, int] = (12, 10)) -> None:
        rng = np.random.default_rng(0)
        self.pixels = rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)

    def read(self, place: int, decoding: Decoding) -> Pixels:
        return decoding.fit(self.pixels[place])

    def name(self, place: int) -> str:
        return f"image {place}"


def labelled(labels: list[int], names: tuple[str, ...] = ("cat", "dog", "owl")) -> LabelledImages:
    """Images of these classes."""
    return LabelledImages(
        source=Memory(len(labels)),
        places=np.arange(len(labels)),
        labels=np.array(labels, dtype=np.int64),
        class_names=names,
    )


def make_sample(height: int, width: int, *, seed: int = 0) -> Sample:
    """A sample of noise."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    none = torch.zeros(0, dtype=torch.int64)
    return Sample(image, torch.zeros(0, 4), none, (height, width), image_id=seed, seed=seed)


def make_images(count: int, edge: int = 8) -> Images:
    """A batch of noise that fills its canvas."""
    generator = torch.Generator().manual_seed(1)
    canvas = torch.randint(0, 256, (count, 3, edge, edge), generator=generator, dtype=torch.uint8)
    sizes = torch.full((count, 2), edge)
    return Images(canvas, sizes, sizes)


class Pointwise(Body):
    """One convolution of single pixels, and a norm in a second stage."""

    def __init__(self) -> None:
        super().__init__(("stem", "layer1"))
        self.features = {"c0": FeatureSpec(4, 1), "c1": FeatureSpec(6, 2)}
        self.stem = nn.Conv2d(3, 4, 1)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 6, 2, 2), nn.BatchNorm2d(6))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        fine = self.stem(x).relu()
        return {"c0": fine, "c1": self.layer1(fine)}


def pointwise_network(
    num_classes: int = 3,
    *,
    criterion: Criterion = SoftmaxCrossEntropy(),  # noqa: B008 - frozen
    mixing: Mixing | None = None,
    dropout: float = 0.0,
) -> PooledNetwork:
    """A classifier on `Pointwise`."""
    return PooledNetwork(
        Pointwise(),
        pixels=PixelNorm.of_imagenet(),
        num_classes=num_classes,
        criterion=criterion,
        mixing=mixing or Mixing(),
        dropout=dropout,
    )


def cifar_rows(count: int, classes: int) -> tuple[NDArray[np.uint8], list[int]]:
    """Pixels (N, 3072) and labels, as CIFAR has them."""
    rng = np.random.default_rng(classes)
    pixels = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    return pixels, rng.integers(0, classes, count).tolist()


def write_cifar_python(folder: Path, *, classes: int = 10, files: int = 2) -> None:
    """Files like those of the python version, whose text is bytes, as Python 2 wrote them."""
    folder.mkdir(parents=True, exist_ok=True)
    fine = classes == 100
    key = b"fine_labels" if fine else b"labels"
    pixels, labels = cifar_rows(5 * files, classes)
    for number in range(files):
        rows = slice(5 * number, 5 * number + 5)
        content = {b"data": pixels[rows], key: labels[rows], b"batch_label": b"one of two"}
        name = "train" if fine else f"data_batch_{number + 1}"
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    names = [f"class {number}".encode() for number in range(classes)]
    meta = {b"fine_label_names" if fine else b"label_names": names}
    (folder / ("meta" if fine else "batches.meta")).write_bytes(pickle.dumps(meta, protocol=2))


def write_cifar_binary(path: Path, *, classes: int = 10, count: int = 5) -> None:
    """A file like those of the binary version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels, labels = cifar_rows(count, classes)
    column = np.array(labels, dtype=np.uint8)[:, None]
    coarse = [column // 5] if classes == 100 else []
    path.write_bytes(np.concatenate([*coarse, column, pixels], axis=1).tobytes())
