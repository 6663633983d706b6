"""Settings of inference: how a trained segmenter looks at an image."""

from typing import Annotated, Literal

from pydantic import Field

from lumbar.schema import Section

Edge = Annotated[int, Field(ge=1)]
Scale = Annotated[float, Field(gt=0, le=16)]


class InferenceConfig(Section):
    """Windows and views of an image whose probabilities are averaged."""

    mode: Literal["whole", "slide"] = "whole"
    """whole: the image at once; slide: by windows, in memory of the device that does not grow with the image. TIFF
    files beyond `data.max_image_megapixels` are read and segmented by windows in either case."""
    window: tuple[Edge, Edge] = (512, 512)
    """Height and width of a window in pixels, best those of the training crop."""
    overlap: float = Field(default=0.25, ge=0, le=0.9)
    """Share of a window that the next one covers again; 0.3333 with `blend: flat` is MMSegmentation's 769 by 513."""
    blend: Literal["gaussian", "flat"] = "gaussian"
    """How much the pixels of a window count. gaussian: less towards its borders, where it sees least; flat: all the
    same."""
    windows_per_batch: int = Field(default=4, ge=1)
    """Windows that the device computes at a time."""
    flips: tuple[Literal["horizontal", "vertical", "both"], ...] = ()
    """Mirrored views that are averaged with the image's own."""
    scales: tuple[Scale, ...] = Field(default=(1.0,), min_length=1)
    """Factors of the size at which the image, or each window, is looked at; of all of them the average counts."""
