"""Settings of images and masks: mistakes are told with their key."""

from pathlib import Path
from typing import Any

import pytest

from lumbar.data.class_lists import CLASS_LISTS
from lumbar.data.pixel_classes import PixelClasses
from lumbar.schema import Section
from lumbar.training.load import config_from_dict, config_to_dict, load_config
from segmentation.data_config import MaskDataConfig

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "nuclei": 2,
    "camvid": 11,
    "voc_seg": 21,
    "cityscapes_seg": 19,
    "ade20k": 150,
    "coco_voc": 21,
}


class Run(Section):
    """A config that has data alone."""

    data: MaskDataConfig = MaskDataConfig()


def config(**data: Any) -> MaskDataConfig:
    return config_from_dict(Run, {"data": data}).data


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_configs_name_their_data(name: str) -> None:
    data = load_config(Run, ROOT / "configs" / "data" / f"{name}.yaml").data

    classes = data.pixel_classes()
    assert classes is not None
    assert len(classes) == PARTS[name]
    for split in (data.train, data.val):
        assert split.images
        assert split.masks
    assert config_from_dict(Run, config_to_dict(Run(data=data))).data == data


def test_classes_are_a_map_a_known_list_or_those_of_the_files() -> None:
    declared = config(classes={"background": 0, "cell": [[1], [2]]}, void=[9, [0, 0, 9]][:1])

    expected = PixelClasses.parse({"background": 0, "cell": [[1], [2]]}, [9])
    assert declared.pixel_classes() == expected
    assert config(classes="camvid").pixel_classes() == CLASS_LISTS["camvid"]
    assert config().pixel_classes() is None


def test_classes_with_folders_of_their_own_may_have_the_same_values() -> None:
    split = {"masks": "masks", "format": "class_folders"}

    data = config(classes={"liver": 255, "tumour": 255}, train=split, val=split)

    classes = data.pixel_classes()
    assert classes is not None
    assert classes.values == ((255,), (255,))
    with pytest.raises(ValueError, match="must differ"):
        config(classes={"liver": 255, "tumour": 255}, train=split, val={"masks": "masks"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"classes": "vok"}, '"data": classes and void: no list of classes "vok", did you'),
        (
            {"classes": {"a": 1, "b": 1}, "val": {"masks": "x"}},
            "values of classes must differ, but 1 occur",
        ),
        ({"classes": {"a": [1, 2]}}, r"a: \[1, 2\] is no value of a mask"),
        ({"classes": 3}, '"data.classes" must be'),
        ({"void": ["x"]}, '"data.void'),
        ({"augment": {"scale": [2.0, 1.0]}}, r"scale \[2.0, 1.0\] must be \[low, high\]"),
        ({"augment": {"crop": [0, 5]}}, r"crop \[0, 5\] must be \[height, width\]"),
        ({"augment": {"cat_max_ratio": 0.5}}, "cat_max_ratio 0.5 has no crop: set crop"),
        ({"train": {"format": "voc"}}, "one of auto, files, class_folders, coco, panoptic"),
        ({"train": {"mask": "x"}}, 'unknown key "data.train.mask", did you mean "masks"'),
    ],
)
def test_mistakes_are_told_with_their_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**data)
