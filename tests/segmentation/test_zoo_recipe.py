"""What a file states has the same meaning here, or is refused."""

import pytest
import torch

from backbones.pixels import IMAGENET_MEAN
from segmentation.zoo_recipe import stated_pixels, stated_settings
from segmentation.zoo_text import read_recipe


def recipe(text: str) -> dict[str, object]:
    return read_recipe({"meta": {"config": text}})


def test_what_a_config_leaves_out_is_as_mmsegmentation_has_it() -> None:
    assert stated_settings({"decode_head": {"type": "FCNHead"}}, "file") == {
        "model.backbone": {"output_stride": 32},
        "model.head": {"dilation": 1, "dropout": 0.1, "align_corners": False},
        "inference": {},
    }
    aux = stated_settings({"auxiliary_head": {"dilation": 6}}, "file")["model.aux"]
    assert aux == {"weight": 1.0, "dilation": 6}


@pytest.mark.parametrize(
    "text",
    [
        "img_norm_cfg = dict(mean=[1, 2, 3], std=[4, 5, 6.5], to_rgb=True)",
        "data_preprocessor = dict(mean=[1, 2, 3], std=[4, 5, 6.5], bgr_to_rgb=True, pad_val=0)",
    ],
)
def test_the_pixels_of_a_file(text: str) -> None:
    pixels = stated_pixels(recipe(text), 3, "file")
    assert torch.equal(pixels.mean, torch.tensor([1.0, 2, 3]))
    assert torch.equal(pixels.std, torch.tensor([4.0, 5, 6.5]))


def test_pixels_are_those_of_imagenet_where_nothing_is_said() -> None:
    assert stated_pixels({}, 3, "file").mean.tolist() == pytest.approx(IMAGENET_MEAN)
    assert stated_pixels({}, 2, "file").mean.tolist() == pytest.approx([sum(IMAGENET_MEAN) / 3] * 2)


def test_only_three_channels_have_an_order() -> None:
    stated = recipe("img_norm_cfg = dict(mean=[7], std=[2], to_rgb=False)")
    assert stated_pixels(stated, 1, "file").mean.tolist() == [7]


@pytest.mark.parametrize(
    "settings",
    [
        "mean=[1, 2, 3], std=[4, 5, 6], to_rgb=False",
        "mean=[1, 2, 3], std=[4, 5, 6]",
        "mean=[1], std=[4], to_rgb=True",
        "mean=[1, 2, 3], to_rgb=True",
        "mean=None, std=None, to_rgb=True",
    ],
)
def test_other_pixels_are_refused(settings: str) -> None:
    with pytest.raises(ValueError, match=r"file\.pth: its config normalises pixels by .*'mean'"):
        stated_pixels(recipe(f"img_norm_cfg = dict({settings})"), 3, "file.pth")
