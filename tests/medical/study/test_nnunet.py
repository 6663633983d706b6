"""nnU-Net's raw layout is read as nnU-Net and the Decathlon write it; what its classes are called is taken over."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumbar.data.pixel_classes import PixelClasses
from medical.study.nnunet import check_against, is_nnunet, nnunet_classes, nnunet_pairs
from tests.medical.study.studies import write_picture

VERSION_2: dict[str, Any] = {
    "channel_names": {"0": "T1", "1": "T2"},
    "labels": {"background": 0, "oedema": 1, "core": 2, "ignore": 3},
    "numTraining": 2,
    "file_ending": ".png",
}
VERSION_1: dict[str, Any] = {
    "modality": {"0": "MRI"},
    "labels": {"0": "background", "1": "oedema", "2": "core"},
}


def write(root: Path, description: dict[str, Any], *, channels: int = 2) -> Path:
    """Writes two cases."""
    for case in ("a", "b"):
        for channel in range(channels):
            name = f"{case}_{channel:04d}.png"
            write_picture(root / "imagesTr" / name, np.zeros((8, 8), np.uint8))
            write_picture(root / "imagesTs" / name, np.zeros((8, 8), np.uint8))
        write_picture(root / "labelsTr" / f"{case}.png", np.zeros((8, 8), np.uint8))
    (root / "dataset.json").write_text(json.dumps(description))
    return root


@pytest.mark.parametrize(("description", "channels"), [(VERSION_2, 2), (VERSION_1, 1)])
def test_training_cases_are_paired_and_test_images_left_alone(
    description: dict[str, Any], channels: int, tmp_path: Path
) -> None:
    root = write(tmp_path, description, channels=channels)

    pairs = nnunet_pairs(root)

    assert is_nnunet(root)
    assert not is_nnunet(root / "imagesTr")
    assert [(pair.name, len(pair.images)) for pair in pairs] == [("a", channels), ("b", channels)]
    assert all("imagesTs" not in str(file) for pair in pairs for file in pair.images)


@pytest.mark.parametrize("description", [VERSION_2, VERSION_1])
def test_classes_are_those_of_the_description(description: dict[str, Any], tmp_path: Path) -> None:
    classes = nnunet_classes(write(tmp_path, description))

    assert classes.names == ("background", "oedema", "core")
    assert classes.by_number == {0: 0, 1: 1, 2: 2}
    assert classes.void == ((3,) if description is VERSION_2 else ())


def test_classes_of_the_settings_must_know_all_labels(tmp_path: Path) -> None:
    root = write(tmp_path, VERSION_2)
    some = PixelClasses.parse({"background": 0, "oedema": 1})

    with pytest.raises(ValueError, match=r"\{core: 2\}"):
        check_against(root, some)

    check_against(root, PixelClasses.parse({"background": 0, "oedema": 1}, [2, 3]))
    check_against(root, PixelClasses.parse({"background": 0, "tumour": "any"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": {"background": 0, "whole": [1, 2], "core": 2}}, "regions"),
        ({"labels": {}}, "no `labels`"),
        ({"labels": {"a": "b"}}, "no numbers"),
        ({"labels": {"tumour": 1}}, "no label is 0"),
    ],
)
def test_other_labels_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    root = write(tmp_path, VERSION_2 | change)

    with pytest.raises(ValueError, match=message):
        nnunet_classes(root)


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_description_that_cannot_be_read_is_named(text: str | None, tmp_path: Path) -> None:
    root = write(tmp_path, VERSION_2)
    if text is None:
        (root / "dataset.json").unlink()
    else:
        (root / "dataset.json").write_text(text)

    with pytest.raises(ValueError, match=r"dataset\.json"):
        nnunet_pairs(root)
