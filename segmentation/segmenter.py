"""A trained segmenter for use: load it, give it images, get a label for each of their pixels."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lumbar.data.collate import collate_masks
from lumbar.data.image_io import read_image
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from lumbar.data.sample import Sample
from lumbar.ops.structures import Images
from lumbar.training.load import override_config
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.fcn import FCN
from segmentation.inference import build_inference, decide, to_original
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.transforms import eval_transform
from segmentation.weights import SegmenterWeights, load_segmenter

Source = str | Path | NDArray[np.uint8]
"""An image file, or an (H, W, C) array."""


class SegmentationPrediction(NamedTuple):
    """What the pixels of one image show."""

    labels: NDArray[np.uint8]
    """In the size of the image: (H, W) class in 0..K-1, or (K, H, W) 0 or 1 where pixels may have several."""
    names: tuple[str, ...]
    """(K) class names."""
    pixels: NDArray[np.int64]
    """(K,) area of each class in pixels."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """(K,) area of each class as a share of the image."""
        height, width = self.labels.shape[-2:]
        shares: NDArray[np.float64] = self.pixels / (height * width)
        return shares


class Segmenter:
    """A segmenter with its classes and its way of reading images.

    >>> segmenter = Segmenter.load("runs/demo/model.safetensors")  # doctest: +SKIP
    >>> prediction = segmenter.predict(["photo.jpg"])[0]  # doctest: +SKIP
    >>> prediction.labels, dict(zip(prediction.names, prediction.shares))  # doctest: +SKIP
    """

    def __init__(self, model: FCN, *, classes: PixelClasses, config: SegmentationConfig) -> None:
        """Joins a trained model with what surrounds it.

        Args:
            model: Moved to its device already.
            classes: What its labels mean.
            config: How its images are resized and padded, and looked at.
        """
        self.model = model.eval()
        self.classes = classes
        self.config = config
        self._transform = eval_transform(config.data.resize)
        self._inference = build_inference(config.inference)

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        device: str | torch.device = "cpu",
        inference: Sequence[str] = (),
    ) -> Self:
        """Reads a segmenter from a file or by its published name.

        Args:
            source: `model.safetensors` of a run folder, a `.pth` of torchvision, MMSegmentation or
                segmentation-models-pytorch, or `torchvision/fcn_resnet50` or `torchvision/fcn_resnet101`.
            device: Where to run it.
            inference: How it looks at images other than its config says, `mode=slide` or `flips=[horizontal]`.

        Returns:
            The segmenter.

        Raises:
            ValueError: The source is missing or is not a segmenter, or there is no such setting.
        """
        weights = load_segmenter(str(source))
        overrides = [f"inference.{setting}" for setting in inference]
        config = override_config(weights.config, overrides)
        return cls.from_weights(weights._replace(config=config), device=device)

    @classmethod
    def from_weights(cls, weights: SegmenterWeights, *, device: str | torch.device = "cpu") -> Self:
        """Builds a segmenter from weights in memory.

        Args:
            weights: State, settings and classes.
            device: Where to run it.

        Returns:
            The segmenter.
        """
        config, task = weights.config, TASKS[weights.config.task]
        # Nothing is learned here: any loss will do.
        model = make_segmenter(
            config.model, len(weights.classes), task=task, loss=CrossEntropy(task)
        )
        model.load_state_dict(weights.state)
        model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(model, classes=weights.classes, config=config)

    def predict(self, images: Sequence[Source]) -> list[SegmentationPrediction]:
        """Labels the pixels of images.

        Args:
            images: Files, or (H, W, C) uint8 arrays, RGB when C is 3.

        Returns:
            One prediction for each image, in order.
        """
        return list(self.stream(images))

    def stream(self, images: Iterable[Source]) -> Iterator[SegmentationPrediction]:
        """The same as `predict`, one image at a time, for more images than fit into memory.

        Args:
            images: Files, or (H, W, C) uint8 arrays.

        Yields:
            One prediction for each image, in order.
        """
        for image in images:
            labels = self.labels(self._probabilities(image))
            yield SegmentationPrediction(labels, self.classes.names, self.areas(labels))

    def probabilities(self, image: Source) -> NDArray[np.float32]:
        """Says how likely each pixel shows each class.

        Args:
            image: A file, or an (H, W, C) uint8 array.

        Returns:
            (K, H, W) in the size of the image; over the classes they add up to 1 where a pixel has one class.
        """
        return self._probabilities(image)[0].float().cpu().numpy()

    def labels(self, probabilities: Tensor) -> NDArray[np.uint8]:
        """Labels the pixels of one image by their probabilities.

        Args:
            probabilities: (1, K, H, W).

        Returns:
            (H, W) or (K, H, W), as in a prediction.
        """
        return decide(self.model.task, probabilities)[0].cpu().numpy()

    def areas(self, labels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Counts the pixels of each class.

        Args:
            labels: (H, W) or (K, H, W).

        Returns:
            (K,).
        """
        if labels.ndim == 2:
            return np.bincount(labels.ravel(), minlength=len(self.classes))
        areas: NDArray[np.int64] = labels.sum((1, 2), dtype=np.int64)
        return areas

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Decodes a file as the segmenter wants it.

        Args:
            path: The image file.

        Returns:
            (H, W, C) uint8, RGB when C is 3.

        Raises:
            ValueError: The file is missing, damaged or too large.
        """
        limit = self.config.data.max_image_megapixels
        return read_image(path, channels=self.channels, max_megapixels=limit)

    @property
    def channels(self) -> int:
        """Of the images: 3 for RGB."""
        return len(self.model.pixels.mean)

    def prepare(self, image: Source) -> Images:
        """Resizes and pads an image as the model wants it.

        Args:
            image: A file, or an (H, W, C) uint8 array.

        Returns:
            A batch of one image, on the host.
        """
        pixels = image if isinstance(image, np.ndarray) else self.read(Path(image))
        height, width, _ = pixels.shape
        sample = Sample.of_pixels(pixels)
        sample = self._transform(sample, np.random.default_rng(0))
        sample.mask = torch.full((height, width), IGNORE, dtype=torch.uint8)
        multiple = self.config.data.pad_multiple
        return collate_masks([sample], multiple=multiple, canvas_buckets=(), frame="file").images

    @torch.inference_mode()
    def _probabilities(self, image: Source) -> Tensor:
        images = self.prepare(image)
        if self.config.inference.mode == "whole":
            images = Images(*(part.to(self.model.pixels.mean.device) for part in images))
        return next(to_original(self._inference(self.model, images), images))
