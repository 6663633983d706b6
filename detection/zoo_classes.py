"""Classes of other zoos: their names and ids, and the place of the background."""

from collections.abc import Mapping

from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

from backbones.zoo_translation import Translation
from detection.zoo import BOX_ROWS, CLASS_ROWS, TORCHVISION
from lumbar.data.categories import Categories


def find_categories(count: int, zoo: str, notes: Mapping[str, object]) -> Categories:
    """Names and ids of a detector's classes.

    torchvision's classes are COCO's ids, 10 of which stand for nothing; the other zoos number COCO's 80 classes without
    gaps. MMDetection writes the names of its classes into its files.

    Args:
        count: Of classes, K.
        zoo: Where the detector is from.
        notes: What stands beside its tensors.
    """
    coco = dict(enumerate(FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]))
    del coco[0]  # the background
    if zoo == TORCHVISION.zoo and count == len(coco):
        return Categories(tuple(coco.values()), tuple(coco))
    real = {id_: name for id_, name in coco.items() if name != "N/A"}
    names = _stated_names(notes)
    if len(names) != count:
        is_coco = zoo != TORCHVISION.zoo and count == len(real)
        numbered = (f"class {number}" for number in range(1, count + 1))
        names = tuple(real.values() if is_coco else numbered)
    ids = tuple(real) if names == tuple(real.values()) else range(1, count + 1)
    return Categories(names, tuple(ids))


def put_background_last(translation: Translation) -> Translation:
    """Moves the background's class row behind the others, and drops its box rows, which nothing uses.

    Args:
        translation: With the background first, as torchvision has it.
    """
    state = translation.state
    classes = {name: state[name].roll(-1, 0) for name in state if name.startswith(CLASS_ROWS)}
    boxes = {
        name: state[name][4:]
        for name in state
        if name.startswith(BOX_ROWS)
        if len(state[name]) == 4 * len(state[name.replace(BOX_ROWS, CLASS_ROWS)])
    }
    translation = translation.changed("moved, background behind the classes", classes)
    return translation.changed("shortened, no boxes of the background", boxes)


def _stated_names(notes: Mapping[str, object]) -> tuple[str, ...]:
    meta = notes.get("meta")
    entries = dict(meta) if isinstance(meta, Mapping) else {}
    if isinstance(entries.get("dataset_meta"), Mapping):
        entries |= entries["dataset_meta"]
    names = entries.get("classes", entries.get("CLASSES"))
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()
