"""Which task weights are for, by what they say about themselves or by whose names they have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from backbones.files import read_weights
from backbones.zoo import BODIES, Layout, find_layout
from classification.zoo import PUBLISHED_CLASSIFIERS
from detection.zoo import DETECTORS, PUBLISHED_DETECTORS
from segmentation.zoo import PUBLISHED_SEGMENTERS, SEGMENTERS

TaskName = Literal["detection", "segmentation", "classification"]

_TASKS: dict[str, TaskName] = {
    **dict.fromkeys(PUBLISHED_DETECTORS, "detection"),
    **dict.fromkeys(PUBLISHED_SEGMENTERS, "segmentation"),
    **dict.fromkeys(PUBLISHED_CLASSIFIERS, "classification"),
}
_NOTES: dict[str, TaskName] = {
    "categories": "detection",
    "classes": "segmentation",
    "class_names": "classification",
}
"""What labels mean, as the metadata of our files call it."""
_LAYOUTS: dict[TaskName, Sequence[Layout]] = {
    "detection": DETECTORS,
    "segmentation": SEGMENTERS,
    "classification": BODIES,  # the last, for whole models of the others have names of a body, too
}


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
            f"{', '.join(name for name in _TASKS if '.' not in name)}"
        )
    state, notes = read_weights(Path(source))
    for note, task in _NOTES.items():
        if "lumbar" in notes and note in notes:
            return task
    layout = find_layout(state, [one for layouts in _LAYOUTS.values() for one in layouts], source)
    return next(task for task, layouts in _LAYOUTS.items() if layout in layouts)
