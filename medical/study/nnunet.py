"""The raw layout of nnU-Net and of the Medical Segmentation Decathlon: imagesTr, labelsTr and dataset.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumbar.data.pixel_classes import PixelClasses
from medical.study.pairs import Pair, find_channels
from medical.study.values import written

_FILE = "dataset.json"
_IGNORED = "ignore"


def is_nnunet(root: Path) -> bool:
    """Whether a folder has nnU-Net's raw layout."""
    return (root / "imagesTr").is_dir()


def nnunet_pairs(root: Path) -> list[Pair]:
    """Pairs the training cases; the test images in imagesTs are never touched.

    Raises:
        ValueError: dataset.json is missing or damaged, or files have no partner.
    """
    description = _read(root)
    ending = description.get("file_ending") or _first_ending(root / "labelsTr")
    return find_channels(root / "imagesTr", root / "labelsTr", str(ending))


def nnunet_classes(root: Path) -> PixelClasses:
    """What dataset.json says that the values of the labels mean.

    Raises:
        ValueError: It says nothing, or something else than a number for each class.
    """
    labels = _labels(root)
    void = [labels.pop(name) for name in [*labels] if name.lower() == _IGNORED]
    first = [name for name, value in labels.items() if value == 0]
    if not first:
        raise ValueError(f"{root / _FILE}: no label is 0; set classes, with the background first")
    rest = {name: value for name, value in labels.items() if value != 0}
    return PixelClasses.parse({"background": 0} | rest, void)


def check_against(root: Path, classes: PixelClasses) -> None:
    """Checks that the settings have a meaning for each label that dataset.json declares.

    Raises:
        ValueError: They have not; the message says what to write.
    """
    declared = nnunet_classes(root)
    known = classes.table
    missing = {
        name: value
        for name, (value, *_) in zip(declared.names, declared.values, strict=True)
        if isinstance(value, int) and known[value] >= len(classes) and value not in classes.void
    }
    if missing:
        raise ValueError(
            f"classes: {root / _FILE} also has {written(missing)}: add them, or their numbers to `void`, or leave "
            "`classes` out to take all of that file"
        )


def _labels(root: Path) -> dict[str, int]:
    labels = _read(root).get("labels")
    if not isinstance(labels, Mapping) or not labels:
        raise ValueError(f"{root / _FILE}: no `labels`; set classes: {{background: 0, tumour: 1}}")
    # Version 1 and the Decathlon have {"1": "tumour"}, version 2 has {"tumour": 1}.
    turned = all(str(name).isdecimal() for name in labels)
    pairs = [(value, name) if turned else (name, value) for name, value in labels.items()]
    if any(isinstance(value, list) for _, value in pairs):
        raise ValueError(
            f"{root / _FILE}: `labels` are regions of several numbers, which overlap; here each pixel has one class: "
            "set classes, where several numbers may stand for one: {background: 0, tumour: [[1], [2]]}"
        )
    try:
        return {str(name): int(value) for name, value in pairs}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{root / _FILE}: `labels` are no numbers: {labels!r:.80}") from error


def _read(root: Path) -> dict[str, Any]:
    file = root / _FILE
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{file}: missing; nnU-Net's layout has it beside imagesTr") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{file}: expected an object, got {values!r:.60}")
    return values


def _first_ending(folder: Path) -> str:
    """The file type of the labels, where dataset.json of the older version does not name it."""
    files = sorted(folder.glob("[!.]*")) if folder.is_dir() else []
    if not files:
        return ".nii.gz"
    return ".nii.gz" if files[0].name.endswith(".nii.gz") else files[0].suffix
