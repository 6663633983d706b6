"""How classes are written under images in the pictures of a run."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from classification.batch import LabelBatch
from lumbar.data.draw import Picture, enlarged, side_by_side
from lumbar.tasks.pictures import without_padding


class LabelDrawing:
    """Draws images under the names of their classes."""

    def __init__(self, class_names: Sequence[str]) -> None:
        """Keeps the names."""
        self._names = class_names

    def truth(self, batch: LabelBatch, index: int) -> Picture:
        """One image of a training batch with the class it is taught."""
        name = self._names[int(batch.targets.labels[index])]
        return side_by_side({name: enlarged(without_padding(batch.images, index))})

    def comparison(self, batch: LabelBatch, outputs: Mapping[str, Tensor], index: int) -> Picture:
        """One image of an evaluated batch with the class it was given; outputs are `scores` (B, K), `labels` (B,)."""
        label, found = int(batch.targets.labels[index]), int(outputs["labels"][index])
        caption = f"{self._names[found]} {float(outputs['scores'][index, found]):.2f}"
        if found != label:
            caption += f", is {self._names[label]}"
        return side_by_side({caption: enlarged(without_padding(batch.images, index))})

    def explained(self, sheet: Picture) -> Picture:
        """The sheet as it is: every picture has its words."""
        return np.ascontiguousarray(sheet)
