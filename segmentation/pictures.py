"""How labels are drawn in the pictures of a run."""

from torch import Tensor

from lumbar.data.draw import Picture, enlarged, side_by_side
from lumbar.data.draw_masks import draw_masks, with_legend
from lumbar.data.pixel_classes import PixelClasses
from lumbar.ops.structures import MaskBatch
from lumbar.tasks.pictures import without_padding
from segmentation.inference import decide
from segmentation.labels import Task
from segmentation.module import Outcome


class MaskDrawing:
    """Draws images under the colours of their classes."""

    def __init__(self, classes: PixelClasses, task: Task) -> None:
        """Keeps how to draw.

        Args:
            classes: Their names and colours.
            task: What labels mean.
        """
        self._classes = classes
        self._task = task

    def truth(self, batch: MaskBatch, index: int) -> Picture:
        """One image of a training batch with the labels it is taught."""
        return self._painted(batch, batch.labels[index], index)

    def comparison(self, batch: MaskBatch, outputs: Outcome, index: int) -> Picture:
        """One image of an evaluated batch, its labels, and those that were found."""
        found = decide(self._task, outputs["probabilities"][index : index + 1])[0]
        pictures = {
            "image": enlarged(without_padding(batch.images, index)),
            "ground truth": self._painted(batch, outputs["labels"][index], index),
            "predicted": self._painted(batch, found, index),
        }
        return side_by_side(pictures)

    def explained(self, sheet: Picture) -> Picture:
        """The sheet over a legend of the colours."""
        return with_legend(sheet, self._classes.names, self._classes.colours)

    def _painted(self, batch: MaskBatch, labels: Tensor, index: int) -> Picture:
        """One image under labels (H, W) or (K, H, W) of the canvas."""
        image = without_padding(batch.images, index)
        height, width = image.shape[:2]
        shown = labels[..., :height, :width].cpu().numpy()
        return draw_masks(image, shown, self._classes.names, self._classes.colours)
