"""The scores of a split, each with the rule that it follows in its name."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lumbar.tasks.numbers import number_or_none, shown_number
from segmentation.counts import Counts, Floats, Integers, Overlap, mean_where, ratio
from segmentation.policies import POLICIES

_MEANINGS = {
    "pooled/pixel_accuracy": "labelled pixels of all images that are right",
    "pooled/mean_accuracy": "pixels of a class that are found, mean over classes",
    "pooled/mean_iou": "IoU of a class over the pixels of all images, mean over classes",
    "pooled/mean_dice": "Dice of a class over the pixels of all images, mean over classes",
    "pooled/mean_boundary_iou": "the same IoU of the rims of the masks",
    "case/mean_iou": "IoU in each image with the class, mean over images, then classes",
    "case/mean_dice": "Dice in each image with the class, mean over images, then classes",
    "case/mean_boundary_iou": "the same IoU of the rims of the masks",
}
_COLUMNS = {
    "pooled/iou": "IoU",
    "pooled/dice": "Dice",
    "pooled/accuracy": "found",
    "pooled/boundary_iou": "rim",
    "case/iou": "IoU",
    "case/dice": "Dice",
    "case/boundary_iou": "rim",
    "present": "have it",
    "missed": "missed",
    "false_alarm": "alarm",
    "empty_correct": "empty",
}
_WIDTH = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentationScores:
    """Scores from 0 to 1, None where there is nothing to score.

    `pooled/` numbers lay the pixels of all images together, `case/` numbers score each image: a class is scored in
    the images that truly have it, where a miss is 0; how the others fared is told by counts of images.
    """

    class_names: Sequence[str]
    left_out: Sequence[str]
    """Classes that the means over classes leave out, such as a background."""
    rim_share: float
    """Width of the rims, as a share of the image's diagonal."""
    counts: Counts
    """Of every image."""
    policies: Sequence[str] = ()
    """Toolkits, of those in `POLICIES`, whose numbers stand beside ours."""

    @property
    def summary(self) -> dict[str, float | None]:
        """The means over classes by name, and the accuracy over all pixels."""
        kept = np.array([name not in self.left_out for name in self.class_names])
        means = {
            name.replace("/", "/mean_"): mean_where(values, kept & ~np.isnan(values))
            for name, values in self._by_class().items()
        }
        accuracy = ratio(self.counts.right.sum(), self.counts.decisions.sum())
        numbers = means | {"pooled/pixel_accuracy": accuracy}
        return {name: number_or_none(numbers[name]) for name in _MEANINGS}

    @property
    def per_class(self) -> dict[str, dict[str, float | None]]:
        """The scores of each class, and how many images have it, miss it, make it up, or rightly lack it."""
        columns = self._by_class() | self._images()
        return {
            name: {key: number_or_none(values[place]) for key, values in columns.items()}
            for place, name in enumerate(self.class_names)
        }

    def by(self, policy: str) -> dict[str, float | None]:
        """The numbers of another toolkit for the same predictions.

        Args:
            policy: One of `POLICIES`: mmseg, torchvision or smp.
        """
        return {
            name: number_or_none(value) for name, value in POLICIES[policy](self.counts).items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Returns what results.json holds."""
        return {
            "summary": self.summary,
            "per_class": self.per_class,
            "left_out": [*self.left_out],
            "rim_share": self.rim_share,
            "num_images": len(self.counts.image_ids),
            "policies": {policy: self.by(policy) for policy in self.policies},
        }

    def table(self) -> str:
        """Renders all numbers for a terminal."""
        summary = self.summary
        without = f", means without {', '.join(self.left_out)}" if self.left_out else ""
        lines = [f"masks of {len(self.counts.image_ids)} images{without}"]
        lines += [
            f"{name:25}{shown_number(summary[name]):>6}  {_MEANINGS[name]}" for name in _MEANINGS
        ]
        return "\n".join([*lines, *self._class_lines(), *map(self._policy_line, self.policies)])

    def _class_lines(self) -> list[str]:
        name_width = max(map(len, ("class", *self.class_names)))
        groups = (("pooled", 4), ("case", 3), ("images", 4))
        heads = "".join(f"{head:>{_WIDTH}}".ljust(_WIDTH * columns) for head, columns in groups)
        titles = "".join(f"{title:>{_WIDTH}}" for title in _COLUMNS.values())
        rows = [
            f"{name:{name_width}}"
            + "".join(f"{shown_number(row[key]):>{_WIDTH}}" for key in _COLUMNS)
            for name, row in self.per_class.items()
        ]
        return [" " * name_width + heads.rstrip(), f"{'class':{name_width}}{titles}", *rows]

    def _policy_line(self, policy: str) -> str:
        numbers = (f"{name} {shown_number(value)}" for name, value in self.by(policy).items())
        return textwrap.fill(f"by {policy}: {', '.join(numbers)}", 100, subsequent_indent="  ")

    def _by_class(self) -> dict[str, Floats]:
        """(K,) each."""
        images = {"": Overlap.of(self.counts.areas), "boundary_": Overlap.of(self.counts.rims)}
        pooled = {kind: overlap.sum(0) for kind, overlap in images.items()}
        present = images[""].true > 0
        return {
            "pooled/accuracy": pooled[""].recall(),
            "pooled/iou": pooled[""].iou(),
            "pooled/dice": pooled[""].dice(),
            "pooled/boundary_iou": pooled["boundary_"].iou(),
            "case/iou": mean_where(images[""].iou(), present, 0),
            "case/dice": mean_where(images[""].dice(), present, 0),
            "case/boundary_iou": mean_where(images["boundary_"].iou(), present, 0),
        }

    def _images(self) -> dict[str, Integers]:
        """(K,) each; an image in which a class has no labelled pixel counts nowhere."""
        images = Overlap.of(self.counts.areas)
        present, hit, predicted = images.true > 0, images.true_positives > 0, images.predicted > 0
        absent = (images.true_negatives + images.false_positives > 0) & ~present
        rows = {
            "present": present,
            "missed": present & ~hit,
            "false_alarm": absent & predicted,
            "empty_correct": absent & ~predicted,
        }
        return {name: row.sum(0) for name, row in rows.items()}
