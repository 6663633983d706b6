"""What a network has learned to see: the features of images, one row each, and the file that holds them."""

from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from classification.data import ImageDataModule
from classification.network import PooledNetwork
from lumbar.data.splits import Split
from lumbar.files import atomic_write
from lumbar.ops.structures import Images


class Features(NamedTuple):
    """The features of N images."""

    rows: Tensor
    """(N, D) float32."""
    labels: Tensor
    """(N,) int64 class in 0..K-1."""
    names: tuple[str, ...]
    """(N) what the images are called."""
    class_names: tuple[str, ...]
    """(K)."""

    def directions(self) -> Tensor:
        """Rows of length 1, (N, D) float64: their products are cosines."""
        return torch.nn.functional.normalize(self.rows.double(), dim=1)


def extract(model: PooledNetwork, datamodule: ImageDataModule, split: Split) -> Features:
    """Computes the features of a split, without random changes.

    Args:
        model: In evaluation, on its device.
        datamodule: Of the images.
        split: Which of them.
    """
    images = datamodule.images(split)
    device = model.fc.weight.device
    rows = torch.zeros(len(images), model.fc.in_features)
    place = {int(image_id): index for index, image_id in enumerate(images.places)}
    with torch.inference_mode():
        for batch in datamodule.plain_loader(split):
            found = model.embed(Images(*(field.to(device) for field in batch.images)))
            rows[[place[image_id] for image_id in batch.image_ids.tolist()]] = found.float().cpu()
    return Features(
        rows.clone(),
        torch.from_numpy(images.labels),
        tuple(map(images.name, range(len(images)))),
        images.class_names,
    )


def save_features(path: Path, features: Features) -> None:
    """Writes an `.npz` file: `features` (N, D), `labels` (N,), `names` (N,) and `class_names` (K,).

    Args:
        path: The file.
        features: (N, D) and what belongs to them.
    """
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            features=features.rows.numpy(),
            labels=features.labels.numpy(),
            names=np.array(features.names, dtype=np.str_),
            class_names=np.array(features.class_names, dtype=np.str_),
        )


def load_features(path: Path) -> Features:
    """Reads what `save_features` wrote.

    Raises:
        ValueError: The file is missing or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as columns:
            return Features(
                torch.from_numpy(columns["features"]),
                torch.from_numpy(columns["labels"]),
                tuple(columns["names"].tolist()),
                tuple(columns["class_names"].tolist()),
            )
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise ValueError(f"{path}: no file of features ({error})") from error
