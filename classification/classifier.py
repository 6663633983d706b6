"""A trained classifier for use: load it, give it images, get their classes or their features."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from classification.build import make_network
from classification.config import ClassificationConfig
from classification.labelled import Decoding
from classification.network import PooledNetwork
from classification.transforms import eval_transform
from classification.weights import ClassifierWeights, load_classifier
from lumbar.data.collate import place_images
from lumbar.data.sample import Sample
from lumbar.ops.structures import Images

ImageSource = str | Path | NDArray[np.uint8]
"""An image file, or an (H, W, C) array."""

_BATCH = 32


class ClassPrediction(NamedTuple):
    """What one image shows."""

    name: str
    """Class of the highest score."""
    label: int
    """The same as a number 0..K-1."""
    scores: NDArray[np.float32]
    """(K,) in [0, 1]."""
    names: tuple[str, ...]
    """(K) class names."""

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The best classes with their scores, highest first."""
        order = np.argsort(-self.scores, kind="stable")[:count]
        return [(self.names[place], float(self.scores[place])) for place in order]


class Classifier:
    """A classifier with its classes and its way of reading images.

    >>> classifier = Classifier.load("runs/demo/model.safetensors")  # doctest: +SKIP
    >>> prediction = classifier.predict(["photo.jpg"])[0]  # doctest: +SKIP
    >>> prediction.name, prediction.top(5)  # doctest: +SKIP
    """

    def __init__(
        self, model: PooledNetwork, *, class_names: Sequence[str], config: ClassificationConfig
    ) -> None:
        """Joins a trained model with what surrounds it.

        Args:
            model: Moved to its device already.
            class_names: What its labels mean.
            config: How its images are framed.
        """
        self.model = model.eval()
        self.class_names = tuple(class_names)
        self.config = config
        self._transform = eval_transform(config.data.frame)
        backbone, data = config.model.backbone, config.data
        self._decoding = Decoding(backbone.in_channels, data.max_image_megapixels)

    @classmethod
    def load(cls, source: str | Path, *, device: str | torch.device = "cpu") -> Self:
        """Reads a classifier from a file, or one that torchvision publishes.

        Args:
            source: As for `load_classifier`.
            device: Where to run it.

        Returns:
            The classifier.

        Raises:
            ValueError: The source is missing or is not a classifier.
        """
        return cls.from_weights(load_classifier(str(source)), device=device)

    @classmethod
    def from_weights(
        cls, weights: ClassifierWeights, *, device: str | torch.device = "cpu"
    ) -> Self:
        """Builds a classifier from weights in memory.

        Args:
            weights: State, settings and class names.
            device: Where to run it.

        Returns:
            The classifier.
        """
        model = make_network(weights.config, len(weights.class_names))
        model.load_state_dict(weights.state)
        model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(model, class_names=weights.class_names, config=weights.config)

    @property
    def channels(self) -> int:
        """Channels of the images that it takes: 3 for RGB, 1 for grey."""
        return self.config.model.backbone.in_channels

    def predict(self, images: Sequence[ImageSource]) -> list[ClassPrediction]:
        """Classifies images.

        Args:
            images: Files, or (H, W, C) uint8 arrays, RGB when C is 3.

        Returns:
            One prediction for each image, in order.
        """
        return list(self.stream(images))

    def stream(self, images: Iterable[ImageSource]) -> Iterator[ClassPrediction]:
        """The same as `predict`, a few images at a time, for more images than fit into memory.

        Args:
            images: Files, or (H, W, C) uint8 arrays.

        Yields:
            One prediction for each image, in order.
        """
        for group in _groups(images):
            with torch.inference_mode():
                scores = self.model.predict(self._batch(group)).scores.float().cpu().numpy()
            for row in scores:
                label = int(row.argmax())
                yield ClassPrediction(self.class_names[label], label, row, self.class_names)

    def embed(self, images: Iterable[ImageSource]) -> NDArray[np.float32]:
        """Computes the features before the linear layer.

        Args:
            images: Files, or (H, W, C) uint8 arrays.

        Returns:
            (N, D), a row for each image.
        """
        rows: list[Tensor] = []
        for group in _groups(images):
            with torch.inference_mode():
                rows.append(self.model.embed(self._batch(group)).float().cpu())
        return torch.cat(rows).numpy()

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Decodes an image file to (H, W, C).

        Raises:
            ValueError: It is missing, damaged or too large.
        """
        return self._decoding.read(path)

    def prepare(self, image: NDArray[np.uint8]) -> Images:
        """Frames an image (H, W, C); a batch of one on the device of the model."""
        return self._batch([image])

    def _batch(self, group: Sequence[ImageSource]) -> Images:
        samples = [self._sample(image) for image in group]
        images = place_images(samples, self.config.data.pad_multiple, ())
        device = self.model.fc.weight.device
        return Images(*(field.to(device) for field in images))

    def _sample(self, image: ImageSource) -> Sample:
        pixels = image if isinstance(image, np.ndarray) else self.read(Path(image))
        sample = Sample.of_pixels(pixels)
        return self._transform(sample, np.random.default_rng(0))


def _groups(images: Iterable[ImageSource]) -> Iterator[list[ImageSource]]:
    """A few images at a time."""
    rest = iter(images)
    while group := list(islice(rest, _BATCH)):
        yield group
