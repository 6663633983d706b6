"""Settings of the data: where it lies, how it is resized, augmented and batched."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lumbar.schema import Section


class SplitConfig(Section):
    """One split; paths are relative to `data.root`."""

    images: str = ""
    """Folder of the images; file names in annotations may not leave it."""
    annotations: str = ""
    """COCO: the JSON file. VOC: the folder of XML files, or a text file of image names beside it. YOLO: the folder of
    txt files."""
    format: Literal["auto", "coco", "voc", "yolo"] = "auto"
    """auto: a .json file is COCO, a folder of .xml is VOC, a folder of .txt is YOLO."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first so many images."""


class ResizeConfig(Section):
    """Resizing to a short edge, as Faster R-CNN does."""

    short: tuple[int, ...] = (800,)
    """Short edge in pixels; training draws one of them for each image, evaluation takes `test_short`."""
    test_short: int = Field(default=800, ge=1)
    """Short edge in evaluation."""
    long: int = Field(default=1333, ge=1)
    """The long edge is never longer than this."""
    rule: Literal["antialias", "torchvision", "pil", "opencv"] = "antialias"
    """antialias: bilinear with antialiasing; torchvision: in float without antialiasing, sizes rounded down; pil: by
    Pillow, as detectron2; opencv: by OpenCV, without antialiasing, as MMDetection."""


class AugmentConfig(Section):
    """Random changes of the training images."""

    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a horizontal flip."""
    vertical_flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of a vertical flip (microscopy, aerial images)."""
    crop: tuple[float, float] | None = None
    """Random crop before resizing: range of its height and width as fractions of the image's."""
    colour_jitter: float = Field(default=0.0, ge=0, le=1)
    """Strength of brightness, contrast and saturation changes; hue changes by a tenth of it."""
    scale_jitter: tuple[float, float] | None = None
    """Large-scale jitter (Ghiasi et al. 2021): range of scales, 0.1 to 2.0 in the paper; replaces the resizing."""
    scale_jitter_size: int = Field(default=1024, ge=32)
    """Edge of the square canvas of large-scale jitter."""
    albumentations: tuple[dict[str, Any], ...] = ()
    """A list of albumentations transforms, each `{name: RandomGamma, p: 0.5, ...}`, applied before the resizing."""


class LoadingConfig(Section):
    """What every task sets about its loaders."""

    root: str = "."
    """Folder that the paths of the splits are relative to. If relative itself, it starts from the root of the project
    in a YAML file, and from the current folder on the command line."""
    batch_size_per_device: int = Field(default=2, ge=1)
    """Training images on each device in one forward pass."""
    eval_batch_size_per_device: int = Field(default=1, ge=1)
    """Images on each device in evaluation; only images of one canvas size meet in a batch."""
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """Loader processes for each device; 0 loads in the main process; auto: one for each core that is left beside the
    process of each device, at most 8."""
    cache_images: bool = False
    """Keep decoded images in memory; for small data sets."""
    pad_multiple: int = Field(default=32, ge=1)
    """Canvas height and width are multiples of this."""
    max_image_megapixels: float = Field(default=100.0, gt=0)
    """Larger image files are refused before they are decoded."""


class DataConfig(LoadingConfig):
    """The data set and how it becomes batches."""

    train: SplitConfig = SplitConfig()
    val: SplitConfig = SplitConfig()
    test: SplitConfig = SplitConfig()
    resize: ResizeConfig = ResizeConfig()
    augment: AugmentConfig = AugmentConfig()
    canvas_buckets: Literal["auto"] | tuple[tuple[int, int], ...] = ()
    """Canvases (height, width), smallest first: an image gets the first one that holds it, or else the next multiples
    of `pad_multiple`. auto: a few that fit the images of all splits, for `trainer.compile`; they are saved instead."""
    target_buckets: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512, 1024)
    """Numbers of boxes that targets are padded to."""
    group_by_aspect: bool = True
    """Training batches hold only landscape or only portrait images, or only images with a canvas in common."""
    keep_empty: bool = False
    """Train also on images without boxes."""
    bad_images: Literal["stop", "blank"] = "stop"
    """What to do when a training image cannot be read. stop: end the run with its name; `--resume auto` goes on exactly
    once it is repaired. blank: name it in the log, and train on a black image of its size without objects. Evaluation
    always stops."""
