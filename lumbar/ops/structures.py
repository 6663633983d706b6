"""The nouns that cross module borders, as NamedTuples of tensors.

B images, G ground-truth boxes after padding, R proposals, D detections; everything is padded to a fixed
size and `valid` says what is real, so that no shape depends on the content of a batch.
"""

from typing import NamedTuple

from torch import Tensor


class Images(NamedTuple):
    """A batch of images, each in the top left corner of a common canvas."""

    canvas: Tensor
    """(B, C, H, W) uint8 or float, 0 to 255, RGB when C is 3; zeros outside the image."""
    sizes: Tensor
    """(B, 2) int64: height and width of the image inside the canvas."""
    original_sizes: Tensor
    """(B, 2) int64: height and width of the image file, before resizing."""


class Targets(NamedTuple):
    """Ground truth for a batch; crowd boxes are not in it."""

    boxes: Tensor
    """(B, G, 4) float32 xyxy, pixels of the canvas; zeros where not valid."""
    labels: Tensor
    """(B, G) int64 class in 0..K-1; 0 where not valid."""
    valid: Tensor
    """(B, G) bool."""
    seeds: Tensor
    """(B,) int64 in [0, 2**31): what the model draws for this image in this epoch follows from it alone."""


class Batch(NamedTuple):
    """What the loader yields."""

    images: Images
    targets: Targets
    image_ids: Tensor
    """(B,) int64: ids of the annotation file."""


class MaskBatch(NamedTuple):
    """What the loader yields where the truth is a mask."""

    images: Images
    labels: Tensor
    """uint8, IGNORE (255) outside the images: (B, H, W) class in 0..K-1 of each pixel, or (B, K, H, W) 0 or 1 for each
    class. Training has them on the canvas, evaluation in the size of the image files."""
    seeds: Tensor
    """(B,) int64 in [0, 2**31): what the model draws for this image in this epoch follows from it alone."""
    image_ids: Tensor
    """(B,) int64: ids that differ between all images of a split."""


class Proposals(NamedTuple):
    """Candidate regions, best first."""

    boxes: Tensor
    """(B, R, 4) float xyxy, pixels of the canvas, inside the image."""
    scores: Tensor
    """(B, R) float: objectness logits; -inf where not valid."""
    valid: Tensor
    """(B, R) bool."""


class Detections(NamedTuple):
    """Detected objects, best first."""

    boxes: Tensor
    """(B, D, 4) float xyxy."""
    scores: Tensor
    """(B, D) float in [0, 1]; 0 where not valid."""
    labels: Tensor
    """(B, D) int64 class in 0..K-1; -1 where not valid."""
    valid: Tensor
    """(B, D) bool."""

    def image(self, index: int) -> "Detections":
        """The detections of one image without padding: boxes (n, 4), scores (n,), labels (n,), valid (n,)."""
        keep = self.valid[index]
        return Detections(*(field[index][keep] for field in self))
