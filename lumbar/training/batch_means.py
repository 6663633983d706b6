"""Means over the images of a split, of what is known of each batch."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lumbar.training.ranks import from_all_ranks


class _Batch(NamedTuple):
    first_id: Tensor
    """Scalar int64."""
    size: int
    values: Mapping[str, Tensor]
    """Scalars."""


class BatchMeans:
    """Averages the losses of an evaluation, to the last digit the same on any number of ranks.

    The batches must be formed before they are dealt to the ranks; one that two ranks had counts once.
    """

    def __init__(self) -> None:
        """Begins with no batch."""
        self._batches: list[_Batch] = []

    def update(self, values: Mapping[str, Tensor], image_ids: Tensor) -> None:
        """Adds a batch, without waiting for the device.

        Args:
            values: A scalar by name, each a mean over the images of the batch.
            image_ids: (B,) int64.
        """
        self._batches.append(_Batch(image_ids[0], len(image_ids), values))

    def compute(self) -> dict[str, float]:
        """Averages over all images of all ranks, and begins anew; all ranks must call it, and get the same.

        Returns:
            The means by name; nothing where no rank had a batch. One that had none alone must have repeated another's.
        """
        batches, self._batches = self._batches, []
        if not batches:
            return {}
        ids = torch.stack([batch.first_id for batch in batches]).cpu().numpy()
        sizes = np.array([batch.size for batch in batches])
        rows = [torch.stack(list(batch.values.values())) for batch in batches]
        values = torch.stack(rows).double().cpu().numpy()
        ranks = zip(*from_all_ranks((ids, sizes, values)), strict=True)
        ids, sizes, values = (np.concatenate(columns) for columns in ranks)
        _, first_visits = np.unique(ids, return_index=True)
        means = np.average(values[first_visits], axis=0, weights=sizes[first_visits])
        return dict(zip(batches[0].values, means.tolist(), strict=True))
