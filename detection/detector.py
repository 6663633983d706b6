"""A trained detector for use: load it, give it images, get boxes in their pixels."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from detection.build import make_detector
from detection.config import DetectionConfig
from detection.faster_rcnn import FasterRCNN
from detection.postprocess import rescale
from detection.weights import DetectorWeights, load_detector
from lumbar.data.categories import Categories
from lumbar.data.collate import collate
from lumbar.data.config import DataConfig
from lumbar.data.image_io import read_image
from lumbar.data.transforms import Sample, build_transform
from lumbar.ops.structures import Images


class Prediction(NamedTuple):
    """The objects found in one image, best first."""

    boxes: NDArray[np.float32]
    """(n, 4) xyxy in pixels of the image."""
    scores: NDArray[np.float32]
    """(n,) in [0, 1]."""
    labels: NDArray[np.int64]
    """(n,) class in 0..K-1."""
    names: tuple[str, ...]
    """(n) class names."""
    category_ids: tuple[int, ...]
    """(n) ids of the annotation file that the classes came from."""


class Detector:
    """A detector with its classes and its way of reading images.

    >>> detector = Detector.load("runs/demo/model.safetensors")  # doctest: +SKIP
    >>> prediction = detector.predict(["photo.jpg"])[0]  # doctest: +SKIP
    >>> prediction.names, prediction.boxes  # doctest: +SKIP
    """

    def __init__(self, model: FasterRCNN, *, categories: Categories, data: DataConfig) -> None:
        """Joins a trained model with what surrounds it.

        Args:
            model: Moved to its device already.
            categories: Its classes.
            data: How its images are resized and padded.
        """
        self.model = model.eval()
        self.categories = categories
        self.data = data
        self._transform = build_transform(data.resize, None)

    @classmethod
    def load(cls, source: str | Path, *, device: str | torch.device = "cpu") -> Self:
        """Reads a detector from a file or by its published name.

        Args:
            source: `model.safetensors` of a run folder, a `.pth` of torchvision, detectron2 or MMDetection, or
                `torchvision/fasterrcnn_resnet50_fpn` (or `_v2`).
            device: Where to run it.

        Returns:
            The detector.

        Raises:
            ValueError: If the source is missing or is not a detector.
        """
        return cls.from_weights(load_detector(str(source)), device=device)

    @classmethod
    def from_weights(cls, weights: DetectorWeights, *, device: str | torch.device = "cpu") -> Self:
        """Builds a detector from weights in memory.

        Args:
            weights: State, settings and classes.
            device: Where to run it.

        Returns:
            The detector.
        """
        config: DetectionConfig = weights.config
        model = make_detector(config.model, len(weights.categories))
        model.load_state_dict(weights.state)
        model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(model, categories=weights.categories, data=config.data)

    def predict(
        self, images: Sequence[str | Path | NDArray[np.uint8]], *, score: float = 0.0
    ) -> list[Prediction]:
        """Finds objects.

        Args:
            images: Files, or (H, W, 3) uint8 RGB arrays.
            score: Objects below this score are left out; the model's own threshold (0.05) holds in any case.

        Returns:
            One prediction for each image, in order.
        """
        return list(self.stream(images, score=score))

    @torch.inference_mode()
    def stream(
        self, images: Iterable[str | Path | NDArray[np.uint8]], *, score: float = 0.0
    ) -> Iterator[Prediction]:
        """The same as `predict`, one image at a time, for more images than fit into memory.

        Args:
            images: Files, or (H, W, 3) uint8 RGB arrays.
            score: Objects below this score are left out.

        Yields:
            One prediction for each image, in order.
        """
        device = next(self.model.parameters()).device
        for image in images:
            batch = Images(*(part.to(device) for part in self.prepare(image)))
            found = rescale(self.model.predict(batch), batch).image(0)
            chosen = found.scores >= score
            yield self._name(*(field[chosen].cpu().numpy() for field in found[:3]))

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Decodes a file as the detector wants it.

        Args:
            path: The image file.

        Returns:
            (H, W, C) uint8, RGB when C is 3.

        Raises:
            ValueError: If the file is missing, damaged or too large.
        """
        channels = len(self.model.pixels.mean)
        return read_image(path, channels=channels, max_megapixels=self.data.max_image_megapixels)

    def prepare(self, image: str | Path | NDArray[np.uint8]) -> Images:
        """Resizes and pads an image as the model wants it.

        Args:
            image: A file, or an (H, W, C) uint8 array.

        Returns:
            A batch of one image.
        """
        pixels = image if isinstance(image, np.ndarray) else self.read(Path(image))
        sample = Sample.of_pixels(pixels)
        sample = self._transform(sample, np.random.default_rng(0))
        return collate(
            [sample],
            multiple=self.data.pad_multiple,
            canvas_buckets=() if self.data.canvas_buckets == "auto" else self.data.canvas_buckets,
            target_buckets=self.data.target_buckets,
        ).images

    def _name(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        labels: NDArray[np.int64],
    ) -> Prediction:
        names = tuple(self.categories.names[label] for label in labels)
        ids = tuple(self.categories.ids[label] for label in labels)
        return Prediction(boxes, scores, labels, names, ids)
