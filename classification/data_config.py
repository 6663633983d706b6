"""Settings of the data: where labelled images lie, how they are framed and changed, and how they become batches."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from lumbar.data.config import LoadingConfig
from lumbar.schema import Section


class ImageSplitConfig(Section):
    """One split; paths are relative to `data.root`."""

    images: str = ""
    """folders: a folder with a folder of images for each class, `cats/1.jpg`. cifar: the files of CIFAR-10 or CIFAR-100
    as they are published, python or binary, a path or a glob, `cifar-10-batches-py/data_batch_*`. boxes: the folder of
    the images."""
    annotations: str = ""
    """boxes: the COCO JSON file, the folder of VOC's XML files or of YOLO's text files; every box is cut out and is an
    image."""
    format: Literal["auto", "folders", "cifar", "boxes"] = "auto"
    """auto: boxes where there are annotations, folders where `images` is a folder, else cifar."""
    skip: int = Field(default=0, ge=0)
    """Leave out the first so many images: 45000 of CIFAR's 50000 for the validation split of He et al."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first so many of the others."""
    max_per_class: int | None = Field(default=None, ge=1)
    """Use only the first so many of each class."""


class BoxCropConfig(Section):
    """How boxes are cut out of their images: as squares around their middle."""

    context: float = Field(default=0.0, ge=0, le=4)
    """Share of the longer edge of a box that is added to it."""
    min_edge: int = Field(default=8, ge=1)
    """Leave out boxes whose longer edge is shorter, in pixels."""


class FrameConfig(Section):
    """Which part of an image the network sees, and at which size."""

    train: Literal["resized_crop", "pad_crop", "whole"] = "resized_crop"
    """resized_crop: a window of random area and shape (Inception's, for photographs); pad_crop: the image in the size
    of the network, shifted at random by a few pixels (He et al. 2015 for CIFAR); whole: the image, stretched."""
    size: int = Field(default=224, ge=8)
    """Edge in pixels of the square that the network is trained on."""
    area: tuple[float, float] = (0.08, 1.0)
    """resized_crop: range of the window's share of the image."""
    aspect: tuple[float, float] = (0.75, 4 / 3)
    """resized_crop: range of its width over its height."""
    pad: int = Field(default=4, ge=0)
    """pad_crop: largest shift in pixels; black moves in."""
    test_resize: int = Field(default=256, ge=8)
    """Short edge in evaluation, of which the middle is taken."""
    test_size: int = Field(default=224, ge=8)
    """Edge of that middle in pixels."""
    rule: Literal["antialias", "torchvision", "pil", "opencv"] = "antialias"
    """Way to resize, as in detection; pil is that of torchvision's published weights."""

    @model_validator(mode="after")
    def _ranges_make_sense(self) -> Self:
        for key, (low, high), highest in (("area", self.area, 1), ("aspect", self.aspect, 16)):
            if not 0 < low <= high <= highest:
                raise ValueError(
                    f"{key} {[low, high]} must be [low, high] with 0 < low <= high <= {highest}"
                )
        if self.test_size > self.test_resize:
            raise ValueError(
                f"test_size {self.test_size} does not fit into test_resize {self.test_resize}: make the latter larger"
            )
        return self


class RandAugmentConfig(Section):
    """RandAugment, Cubuk et al. 2019 (arXiv:1909.13719)."""

    layers: int = Field(default=0, ge=0, le=8)
    """Changes in a row, each drawn from fifteen kinds; 0: none, 2 as usual."""
    magnitude: float = Field(default=7.0, ge=0, le=10)
    """Strength of the changes, of 10."""
    spread: float = Field(default=0.5, ge=0)
    """Standard deviation of the strength."""
    probability: float = Field(default=0.5, ge=0, le=1)
    """Of each change in the row to be made at all; 1 in the paper."""


class ImageAugmentConfig(Section):
    """Random changes of the training images, in this order."""

    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a horizontal flip."""
    vertical_flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of a vertical flip (microscopy, aerial images)."""
    rand_augment: RandAugmentConfig = RandAugmentConfig()
    colour_jitter: float = Field(default=0.0, ge=0, le=1)
    """Strength of brightness, contrast and saturation changes; hue changes by a tenth of it."""
    erase: float = Field(default=0.0, ge=0, le=1)
    """Probability that noise takes the place of a window (random erasing, Zhong et al. 2017, arXiv:1708.04896)."""
    albumentations: tuple[dict[str, Any], ...] = ()
    """A list of albumentations transforms, each `{name: RandomGamma, p: 0.5, ...}`, applied before all others."""


class ImageDataConfig(LoadingConfig):
    """Labelled images, and how they become batches."""

    train: ImageSplitConfig = ImageSplitConfig()
    val: ImageSplitConfig = ImageSplitConfig()
    test: ImageSplitConfig = ImageSplitConfig()
    boxes: BoxCropConfig = BoxCropConfig()
    frame: FrameConfig = FrameConfig()
    augment: ImageAugmentConfig = ImageAugmentConfig()
    repeats: int = Field(default=1, ge=1)
    """Repeated augmentation (Hoffer et al. 2019, arXiv:1901.09335): times that a step shows each of its images, changed
    otherwise each time. An epoch shows as many images as without, and so fewer different ones."""
    pad_multiple: int = Field(default=1, ge=1)
    """Canvas height and width are multiples of this; frames of one size need no padding."""
