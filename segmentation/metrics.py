"""Scores a segmenter while it runs, on one process or many."""

from collections.abc import Sequence

from torch import Tensor

from lumbar.data.pixel_classes import IGNORE
from lumbar.training.ranks import from_all_ranks
from segmentation.counts import Counts, join, nothing_counted
from segmentation.labels import NOTHING, Multilabel, Task
from segmentation.policies import OF_ONE_CLASS
from segmentation.rims import is_inner, rim_width
from segmentation.scores import SegmentationScores


class SegmentationMetric:
    """Collects what was predicted for a split, and scores it: on many processes exactly as on one.

    Only whole numbers are kept and sent, one row for each image and class.
    """

    def __init__(
        self,
        task: Task,
        *,
        class_names: Sequence[str],
        left_out: Sequence[str] = (),
        rim_share: float = 0.02,
        policies: Sequence[str] = (),
    ) -> None:
        """Starts with no image.

        Args:
            task: What labels mean.
            class_names: Of the K classes.
            left_out: Names of classes that means over classes leave out, such as a background.
            rim_share: Width of the rims of masks for Boundary IoU, as a share of the image's diagonal; the paper has
                0.02, and 0.005 for Cityscapes.
            policies: Toolkits, of those in `POLICIES`, whose numbers stand beside ours.

        Raises:
            ValueError: A class is left out that is not there, or all are; or a toolkit does not know the task.
        """
        kept = {*class_names} - {*left_out}
        if not kept or not {*left_out} <= {*class_names}:
            raise ValueError(
                f"means cannot leave out {', '.join(left_out)} of the classes {', '.join(class_names)}; "
                "name some of them, and not all"
            )
        strangers = {*OF_ONE_CLASS} & {*policies}
        if strangers and isinstance(task, Multilabel):
            raise ValueError(
                f"{' and '.join(sorted(strangers))} would not score pixels with several classes; leave them out of "
                "scores.policies"
            )
        self._task = task
        self._class_names = class_names
        self._left_out = left_out
        self._rim_share = rim_share
        self._policies = policies
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        self._parts = [nothing_counted(len(self._class_names))]

    def update(self, predicted: Tensor, labels: Tensor, image_ids: Tensor) -> None:
        """Adds a batch.

        Pixels are compared where they are: give labels of the size in which numbers are to count, and IGNORE for
        padding.

        Args:
            predicted: (B, H, W) or (B, K, H, W) uint8 labels, as the task says.
            labels: Of the same shape, uint8 or int64.
            image_ids: (B,) int64, one for each image of the split; an image that comes again counts once.
        """
        agreed, valid = predicted == labels, labels != IGNORE
        columns = (
            image_ids,
            (agreed & valid).flatten(1).sum(1),
            valid.flatten(1).sum(1),
            self._task.count(predicted, labels, len(self._class_names)),
            self._rims(predicted, labels),
        )
        self._parts.append(Counts(*(column.cpu().numpy() for column in columns)))

    def compute(self) -> SegmentationScores:
        """Scores the images of all processes together; all must call it, and get the same."""
        self._parts = [join(self._parts)]
        return SegmentationScores(
            class_names=self._class_names,
            left_out=self._left_out,
            rim_share=self._rim_share,
            counts=join(from_all_ranks(self._parts[0])),
            policies=self._policies,
        )

    def _rims(self, predicted: Tensor, labels: Tensor) -> Tensor:
        """Compares the rims of the masks of a batch, (B, K, 4)."""
        width = rim_width(labels.shape[-2:], self._rim_share)
        ignored = labels == IGNORE
        found, true = (
            values.masked_fill(is_inner(values, width) & ~ignored, NOTHING)
            for values in (predicted.masked_fill(ignored, IGNORE), labels)
        )
        return self._task.count(found, true, len(self._class_names))
