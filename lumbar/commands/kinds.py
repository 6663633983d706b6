"""Which task weights are for, by what they say about themselves or by whose names they have."""

from pathlib import Path
from typing import Literal

from backbones.files import read_weights
from backbones.zoo import find_layout
from detection.zoo import DETECTORS, PUBLISHED_DETECTORS
from segmentation.zoo import PUBLISHED_SEGMENTERS, SEGMENTERS

TaskName = Literal["detection", "segmentation"]

_TASKS: dict[str, TaskName] = {
    **dict.fromkeys(PUBLISHED_DETECTORS, "detection"),
    **dict.fromkeys(PUBLISHED_SEGMENTERS, "segmentation"),
}
_NOTES: dict[str, TaskName] = {"categories": "detection", "classes": "segmentation"}
"""What labels mean, as the metadata of our files call it."""


def task_of(source: str) -> TaskName:
    """Finds out what a model is for; nothing in its file is run.

    Args:
        source: A `.safetensors`, `.pth` or `.pt` file, or a name of torchvision's.

    Raises:
        ValueError: The file is missing, damaged or holds code, or no whole model.
    """
    if source in _TASKS:
        return _TASKS[source]
    if not Path(source).is_file():
        raise ValueError(
            f"{source}: no such weights file; give a model.safetensors of a run folder, a .pth file of a zoo, or "
            f"{', '.join(_TASKS)}"
        )
    state, notes = read_weights(Path(source))
    for note, task in _NOTES.items():
        if "lumbar" in notes and note in notes:
            return task
    layout = find_layout(state, (*DETECTORS, *SEGMENTERS), source)
    return "detection" if layout in DETECTORS else "segmentation"
