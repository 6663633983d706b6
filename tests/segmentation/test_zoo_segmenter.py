"""Segmenters of every zoo compute here what they compute there, and what is no such segmenter is named."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from backbones.files import State, WeightsFile
from backbones.pixels import IMAGENET_MEAN, IMAGENET_STD
from lumbar.ops.structures import Images
from segmentation.build import make_segmenter
from segmentation.fcn import FCN
from segmentation.heads import resize, resize_corners
from segmentation.labels import TASKS
from segmentation.pixel_losses import CrossEntropy
from segmentation.weights import SegmenterWeights, from_state, load_segmenter
from segmentation.zoo_segmenter import ZooSegmenter, translate_segmenter
from tests.segmentation.zoo_networks import (
    SMPFPN,
    Body,
    MMSegmentationFCN,
    MMSegmentationFPN,
    calibrated,
    recipe_text,
    save,
)

OS8, OS16 = (False, True, True), (False, False, True)


@pytest.fixture(autouse=True)
def _in_double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@cache
def names_and_shapes(zoo: str) -> State:
    """Of a whole segmenter, without values."""
    with torch.device("meta"):
        networks: dict[str, Callable[[], nn.Module]] = {
            "torchvision": lambda: torchvision.models.segmentation.fcn_resnet50(
                weights=None, weights_backbone=None, aux_loss=True
            ),
            "fcn": lambda: MMSegmentationFCN(Body("resnet50", deep=True)),
            "fcn_r18-d8": lambda: MMSegmentationFCN(Body("resnet18", deep=True)),
            "fpn": lambda: MMSegmentationFPN(Body("resnet18", deep=True)),
            "smp": lambda: SMPFPN(Body("resnet18")),
            "smp, joined": lambda: SMPFPN(Body("resnet18"), policy="cat"),
        }
        state: State = networks[zoo]().state_dict()
    return state


def translate(state: State, **notes: object) -> ZooSegmenter:
    return translate_segmenter(WeightsFile(state, notes), "file.pth")


def made(weights: SegmenterWeights) -> FCN:
    """The segmenter, with every tensor of the file in its place."""
    task = TASKS[weights.config.task]
    classes = len(weights.classes)
    model = make_segmenter(weights.config.model, classes, task=task, loss=CrossEntropy(task))
    model.load_state_dict(weights.state)
    return model.eval()


def make_images(size: tuple[int, int]) -> Images:
    sizes = torch.tensor([size])
    return Images(torch.randint(256, (1, 3, *size)).double(), sizes, sizes)


@torch.no_grad()
def assert_equal(theirs: nn.Module, weights: SegmenterWeights, size: tuple[int, int]) -> FCN:
    """Logits, and auxiliary logits where there are some, are those of the network that the weights are of."""
    ours, images = made(weights), make_images(size)
    expected = theirs(ours.pixels(images))
    expected, aux = expected if isinstance(expected, tuple) else (expected, None)
    assert expected.std() > 0.01
    torch.testing.assert_close(ours.logits(images), expected, rtol=0, atol=1e-9)
    if aux is not None:
        logits = ours.get_submodule("aux_classifier")(ours.dense(images).features)
        torch.testing.assert_close(ours.resize(logits, size), aux, rtol=0, atol=1e-9)
    return ours


@pytest.mark.parametrize(
    ("deep", "dense", "dilation", "corners"),
    [
        pytest.param(True, OS8, 1, False, id="fcn_r50-d8"),
        pytest.param(False, OS8, 1, True, id="fcn_r50b-d8_769"),
        pytest.param(True, OS16, 6, False, id="fcn_d6_r50-d16"),
    ],
)
def test_mmsegmentations_fcn(
    deep: bool, dense: tuple[bool, ...], dilation: int, corners: bool
) -> None:
    body = Body("resnet50", dense=dense, deep=deep)
    theirs = calibrated(MMSegmentationFCN(body, dilation=dilation, align_corners=corners))
    dilations = (1, 1, 2, 4) if dense == OS8 else (1, 1, 1, 2)
    text = recipe_text(dilations=dilations, dilation=dilation, align_corners=corners)
    weights = from_state(theirs.state_dict(), "fcn.pth", {"meta": {"config": text}})

    ours = assert_equal(theirs, weights, (49, 65))

    assert ours.resize is (resize_corners if corners else resize)
    assert weights.config.model.backbone.name == ("resnet50c" if deep else "resnet50")
    assert (weights.config.model.aux.weight, ours.aux_weight) == (0.4, 0.4)


@pytest.mark.parametrize("deep", [True, False])
def test_mmsegmentations_semantic_fpn(tmp_path: Path, deep: bool) -> None:
    theirs = calibrated(MMSegmentationFPN(Body("resnet18", deep=deep)))
    weights = load_segmenter(save(tmp_path / "fpn.pth", theirs))

    assert_equal(theirs, weights, (64, 96))

    assert weights.config.model.aux.weight == 0


@pytest.mark.parametrize(("name", "classes"), [("resnet18", 1), ("resnet34", 4)])
def test_the_fpn_of_segmentation_models_pytorch(tmp_path: Path, name: str, classes: int) -> None:
    theirs = calibrated(SMPFPN(Body(name), classes=classes))
    torch.save(theirs.state_dict(), tmp_path / "fpn.pth")
    weights = load_segmenter(f"{tmp_path}/fpn.pth")

    assert_equal(theirs, weights, (64, 96))

    assert weights.config.task == ("multilabel" if classes == 1 else "multiclass")


def test_a_module_around_the_network_changes_nothing() -> None:
    state = SMPFPN(Body("resnet18")).state_dict()
    around = {f"model.{name}": value for name, value in state.items()}

    wrapped = translate({**around, "mean": torch.ones(1, 3, 1, 1), "std": torch.ones(1, 3, 1, 1)})

    expected = translate(state).translation.state
    assert wrapped.translation.state.keys() == expected.keys()
    assert all(torch.equal(v, expected[n]) for n, v in wrapped.translation.state.items())
    assert wrapped.translation.notes["left out, normalisation of pixels"] == ("mean", "std")


@pytest.mark.parametrize("zoo", ["torchvision", "fcn", "fpn", "smp"])
def test_no_tensor_is_lost_or_changed(zoo: str) -> None:
    state = names_and_shapes(zoo)

    translation = translate(state).translation

    assert {*translation.origins.values()} == {*state}
    assert all(translation.state[ours] is state[name] for ours, name in translation.origins.items())
    added = {*translation.state} - {*translation.origins}
    outputs = {f"backbone.fpn.layer_blocks.{n}.0.{k}" for n in range(4) for k in ("weight", "bias")}
    assert added == {"pixels.mean", "pixels.std"} | (outputs if zoo == "smp" else set())


def test_what_the_file_does_not_say_is_said() -> None:
    state = names_and_shapes("fcn")

    said = str(translate(state, meta={"config": recipe_text(dilation=6)}).translation)
    unsaid = str(translate(state).translation)

    assert "output stride 8, dilation 6 in the head, align_corners False, as the file says" in said
    assert "dilation 1 in the head, align_corners False, as usual with MMSegmentation" in unsaid


def test_pixels_are_normalised_as_the_file_says() -> None:
    state = names_and_shapes("fpn")
    text = "img_norm_cfg = dict(mean=[10, 20.5, 30], std=[1.0, 2.0, 4.0], to_rgb=True)\n"

    stated = translate(state, meta={"config": text}).translation.state
    usual = translate(state).translation.state

    assert (stated["pixels.mean"].tolist(), stated["pixels.std"].tolist()) == (
        [10, 20.5, 30],
        [1, 2, 4],
    )
    assert usual["pixels.mean"].tolist() == pytest.approx(IMAGENET_MEAN)
    assert usual["pixels.std"].tolist() == pytest.approx(IMAGENET_STD)


def test_the_caffe_style_is_folded_into_the_first_convolution() -> None:
    """BGR pixels of which only the mean is taken, and the stride in the first 1x1."""
    state = MMSegmentationFPN(Body("resnet50")).state_dict()
    text = "model = dict(backbone=dict(type='ResNet', style='caffe'))"

    config, _, translation = translate(state, meta={"config": text})

    assert config.model.backbone.name == "resnet50_v1"
    bgr = state["backbone.conv1.weight"]
    folded = bgr.flip(1) * torch.tensor(IMAGENET_STD)[:, None, None]
    torch.testing.assert_close(translation.state["backbone.body.conv1.weight"], folded)


def test_images_of_other_channels_stay_such() -> None:
    state = names_and_shapes("smp")
    grey = {**state, "encoder.conv1.weight": torch.ones(64, 1, 7, 7, device="meta")}

    config, _, translation = translate(grey)

    assert config.model.backbone.in_channels == 1
    assert translation.state["pixels.mean"].tolist() == pytest.approx([sum(IMAGENET_MEAN) / 3])
    assert "added, pixels are less 114.495 and divided by 57.63 (2)" in str(translation)


def without(*names: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {n: v for n, v in state.items() if not n.startswith(names)}


def extra(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {**state, name: torch.ones(1)}


@pytest.mark.parametrize(
    ("zoo", "change", "problem"),
    [
        ("torchvision", lambda _: {}, r"names of no known layout \(\)"),
        ("torchvision", without("backbone."), r"no known network has \(0, 0, 0, 0\) units"),
        ("torchvision", without("backbone.conv1"), r"1 missing: backbone\.conv1\.weight"),
        ("torchvision", without("classifier.4"), r"there is nothing for classifier\.4\.weight"),
        ("torchvision", without("classifier.1.bias"), r"1 missing: classifier\.1\.bias"),
        ("torchvision", without("aux_classifier.4"), r"2 missing: aux_classifier\.4\.weight"),
        ("fcn", without("decode_head.conv_cat"), r"missing: classifier\.conv_cat"),
        ("fcn", extra("decode_head.gc_block.x"), r"without a place there: decode_head\.gc"),
        ("fcn", extra("decode_head.convs.2.conv.weight"), r"place there: decode_head\.convs\.2"),
        ("fcn_r18-d8", dict, "resnet18c of output stride 8 .* spreads the first convolution alone"),
        ("fpn", without("neck."), r"nothing for backbone\.fpn\.inner_blocks\.0\.0"),
        ("smp", extra("decoder.p1.skip_conv.bias"), r"place there: decoder\.p1\.skip"),
        ("smp, joined", dict, r"segmentation_head\.0\.weight is \(1, 512, 1, 1\) and not"),
    ],
)
def test_other_segmenters_are_named(zoo: str, change: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^file\.pth: .*{problem}") as error:
        translate(change(names_and_shapes(zoo)))
    assert "\n" not in str(error.value)


def test_other_networks_are_answered_with_the_known_layouts() -> None:
    build = torchvision.models
    with torch.device("meta"):
        others = (
            build.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None),
            build.detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None),
            build.resnet18(),
        )
    for other in others:
        with pytest.raises(ValueError, match=r"the known ones are torchvision, with classifier\.0"):
            translate(other.state_dict())
