"""Settings of the data: where images and masks lie, what the values of masks mean, and how they become batches."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from lumbar.data.class_lists import find_classes
from lumbar.data.config import LoadingConfig
from lumbar.data.pixel_classes import PixelClasses
from lumbar.schema import Section


class MaskSplitConfig(Section):
    """One split; paths are relative to `data.root`."""

    images: str = ""
    """Folder of the images; names in lists and annotation files may not leave it."""
    masks: str = ""
    """Folder of the masks, or the JSON file of COCO; masks are nested and named as their images."""
    format: Literal["auto", "files", "class_folders", "coco", "panoptic"] = "auto"
    """files: a mask for each image. class_folders: a folder for each class with masks of it alone, `tumour/case7.png`,
    for pixels of several classes; an image without a mask does not have the class. coco: outlines of objects.
    panoptic: COCO's JSON with its folder of PNGs beside it. auto: a .json file is one of the last two, a folder holds
    files."""
    listing: str = ""
    """Text file with a name on each line, without suffix: the images to use, as VOC's ImageSets."""
    image_suffix: str = ""
    """End of the names of images, before the file type, that their masks lack: Cityscapes' `_leftImg8bit`."""
    mask_suffix: str = ""
    """End of the names of masks, before the file type, that their images lack: `_mask`."""
    min_area: float = Field(default=0.0, ge=0)
    """coco: leave out images whose objects of the classes have no larger area together, in pixels."""
    limit: int | None = Field(default=None, ge=1)
    """Use only the first so many images."""


class MaskResizeConfig(Section):
    """Resizing to a short edge, of images and in training of masks."""

    short: int | None = Field(default=None, ge=1)
    """Short edge in pixels in training, before it is scaled at random; null keeps the size of the file."""
    test_short: int | None = Field(default=None, ge=1)
    """Short edge in evaluation; null keeps the size of the file."""
    long: int | None = Field(default=None, ge=1)
    """The long edge is never longer than this, before it is scaled at random; null allows any."""
    rule: Literal["antialias", "torchvision", "pil", "opencv"] = "antialias"
    """antialias: bilinear with antialiasing; torchvision: in float without antialiasing; pil: by Pillow, as
    torchvision's training scripts; opencv: by OpenCV, without antialiasing, as mmsegmentation."""


class MaskAugmentConfig(Section):
    """Random changes of the training images."""

    scale: tuple[float, float] = (1.0, 1.0)
    """Range of factors of the size."""
    crop: tuple[int, int] | None = None
    """Height and width in pixels that are cut out at a random place; smaller images are filled up with the mean, and
    with ignored labels. null trains on whole images."""
    cat_max_ratio: float = Field(default=1.0, gt=0, le=1)
    """Cut out up to ten times more until no class has this share of the labelled pixels or more; 1 never does."""
    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a horizontal flip."""
    vertical_flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of a vertical flip (microscopy, aerial images)."""
    colour_jitter: float = Field(default=0.0, ge=0, le=1)
    """Strength of brightness, contrast and saturation changes; hue changes by a tenth of it."""
    albumentations: tuple[dict[str, Any], ...] = ()
    """A list of albumentations transforms, each `{name: RandomGamma, p: 0.5, ...}`, applied before the resizing."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        low, high = self.scale
        if not 0 < low <= high <= 16:
            raise ValueError(f"scale {[low, high]} must be [low, high] with 0 < low <= high <= 16")
        if self.crop is not None and min(self.crop) < 1:
            raise ValueError(f"crop {[*self.crop]} must be [height, width] in pixels, or null")
        if self.crop is None and self.cat_max_ratio < 1:
            raise ValueError(f"cat_max_ratio {self.cat_max_ratio} has no crop: set crop")
        return self


class MaskDataConfig(LoadingConfig):
    """Images with masks, and how they become batches."""

    train: MaskSplitConfig = MaskSplitConfig()
    val: MaskSplitConfig = MaskSplitConfig()
    test: MaskSplitConfig = MaskSplitConfig()
    classes: str | dict[str, Any] = ""
    """What stands for each class in the masks, in the order of the classes: `{background: 0, nucleus: 255}`; a colour
    [128, 64, 128]; several values of one class [[1], [2]]; any for every number that no other class has, as where each
    object has its own. Or a list that is known: voc, cityscapes, cityscapes_train_ids, ade20k, camvid, coco_voc.
    Empty: the categories of the COCO file, after a background where that is of outlines."""
    void: tuple[int | tuple[int, int, int], ...] = ()
    """Values of masks, or colours, that count nowhere; those of a known list are added."""
    resize: MaskResizeConfig = MaskResizeConfig()
    augment: MaskAugmentConfig = MaskAugmentConfig()
    group_by_aspect: bool = True
    """Without a crop, training batches hold only landscape or only portrait images."""

    @model_validator(mode="after")
    def _classes_are_known(self) -> Self:
        formats = {split.format for split in (self.train, self.val, self.test) if split.masks}
        try:
            classes = self.pixel_classes()
            if classes and formats - {"class_folders"}:
                classes.check_one_meaning()
        except ValueError as error:
            raise ValueError(f"classes and void: {error}") from error
        return self

    def pixel_classes(self) -> PixelClasses | None:
        """The classes that the settings declare, None where they are those of the files.

        Raises:
            ValueError: There is no such list, or a value has two meanings.
        """
        return find_classes(self.classes, self.void) if self.classes else None
