"""Samples whose boxes can be found again in their pixels."""

from collections.abc import Callable, Sequence

import pytest
import torch

from lumbar.data.sample import Sample

Paint = Callable[..., Sample]


@pytest.fixture
def paint() -> Paint:
    """Makes a sample with white boxes on black; in the mask the pixels of box i are i + 1."""

    def make(size: tuple[int, int], *boxes: Sequence[int]) -> Sample:
        mask = torch.zeros(size, dtype=torch.uint8)
        for label, (x1, y1, x2, y2) in enumerate(boxes, start=1):
            mask[y1:y2, x1:x2] = label
        return Sample(
            image=(mask > 0).to(torch.uint8).mul(255).expand(3, *size).contiguous(),
            boxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            labels=torch.arange(len(boxes)),
            original_size=size,
            image_id=7,
            seed=11,
            mask=mask,
        )

    return make
