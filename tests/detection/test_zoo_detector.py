"""Detectors of every zoo become the same tensors here, and what is no such detector is named."""

from collections.abc import Callable

import pytest
import torch
import torchvision

from backbones.files import State, WeightsFile
from detection.build import make_detector
from detection.zoo_detector import ZooDetector, translate_detector
from tests.detection.zoo_files import (
    BOXES,
    CLASSES,
    as_detectron2,
    as_mmdetection,
    old_torchvision_name,
    small_detector,
    small_detector_v2,
)

Change = Callable[[State], State]


@pytest.fixture(scope="module")
def frozen() -> State:
    return small_detector(81)


@pytest.fixture(scope="module")
def second() -> State:
    return small_detector_v2(4)


def translate(state: State, **notes: object) -> ZooDetector:
    return translate_detector(WeightsFile(state, notes), "file.pth")


def assert_same(ours: ZooDetector, theirs: ZooDetector) -> None:
    """All but the counters of batches, which norms with fixed statistics do not have."""
    state, expected = (
        {n: v for n, v in zoo.translation.state.items() if "num_batches" not in n}
        for zoo in (ours, theirs)
    )
    assert state.keys() == expected.keys()
    for name, value in state.items():
        torch.testing.assert_close(value, expected[name])


@pytest.mark.parametrize("version", ["fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2"])
def test_no_tensor_of_torchvisions_own_models_is_lost(version: str) -> None:
    build = torchvision.models.get_model_builder(version)
    state = build(weights=None, weights_backbone=None).state_dict()

    config, categories, translation = translate(state)

    make_detector(config.model, len(categories)).load_state_dict(translation.state)
    assert {*translation.state} == {*state, "pixels.mean", "pixels.std"}
    assert {*translation.origins.values()} == {*state}
    assert not [note for note in translation.notes if note.startswith("left out")]
    changed = {f"{part}.{kind}" for part in (CLASSES, BOXES) for kind in ("weight", "bias")}
    changed |= {f"roi_heads.box_head.{'5' if version.endswith('v2') else 'fc6'}.weight"}
    assert changed == {name for names in translation.notes.values() for name in names}
    for name in {*state} - changed:
        assert translation.state[name] is state[name]


def test_regions_are_flattened_by_cell(frozen: State, second: State) -> None:
    for state, layer in ((frozen, "fc6"), (second, "5")):
        name = f"roi_heads.box_head.{layer}.weight"
        pooled = torch.randn(2, 256, 7, 7)

        ours = translate(state).translation.state[name]

        there = pooled.flatten(1) @ state[name].T
        here = pooled.permute(0, 2, 3, 1).flatten(1) @ ours.T
        torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("zoo", [as_detectron2, as_mmdetection])
def test_a_detector_is_the_same_from_every_zoo(frozen: State, zoo: Change) -> None:
    theirs = zoo(frozen)

    converted = translate(theirs)

    assert {*converted.translation.origins.values()} == {*theirs}
    assert_same(converted, translate(frozen))
    assert converted.categories.names[0] == "person"


@pytest.mark.parametrize("zoo", [as_detectron2, as_mmdetection])
def test_heads_of_convolutions_are_the_same_from_every_zoo(second: State, zoo: Change) -> None:
    assert_same(translate(zoo(second, is_deep=True)), translate(second))  # type: ignore[call-arg]


def test_names_of_old_mean_the_same(frozen: State) -> None:
    old = {old_torchvision_name(name): value for name, value in frozen.items()}

    assert old.keys() != frozen.keys()
    assert_same(translate(old), translate(frozen))


def test_the_style_comes_from_the_pixels_that_a_file_holds(frozen: State) -> None:
    state = as_detectron2(frozen)
    name = "backbone.body.conv1.weight"
    for mean, std, style in (
        ((103.53, 116.28, 123.675), (1.0, 1.0, 1.0), "caffe"),
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "pytorch"),
    ):
        pixels = {
            "pixel_mean": torch.tensor(mean)[:, None, None],
            "pixel_std": torch.tensor(std)[:, None, None],
        }

        translation = translate({**state, **pixels}).translation

        assert "as its pixel_std says" in str(translation)
        assert translation.notes["left out, normalisation of pixels"] == (*pixels,)
        is_kept = torch.equal(
            translation.state[name], state["backbone.bottom_up.stem.conv1.weight"]
        )
        assert is_kept == (style == "pytorch")
    with pytest.raises(ValueError, match=r"^file\.pth: pixels less .* are of neither style"):
        translate({**state, "pixel_mean": torch.zeros(3, 1, 1), "pixel_std": torch.ones(3, 1, 1)})


@pytest.mark.parametrize(
    ("zoo", "name"),
    [
        (dict, "roi_heads.mask_head.mask_fcn1.weight"),
        (dict, "roi_heads.keypoint_predictor.kps_score_lowres.weight"),
        (as_detectron2, "roi_heads.mask_head.predictor.weight"),
        (as_mmdetection, "roi_head.mask_head.conv_logits.weight"),
        (as_detectron2, "proposal_generator.anchor_generator.cell_anchors.0"),
    ],
)
def test_what_no_detector_here_has_is_left_out_by_name(
    frozen: State, zoo: Change, name: str
) -> None:
    translation = translate({**zoo(frozen), name: torch.ones(1)}).translation

    assert name in str(translation).partition("left out, ")[2]
    assert name not in translation.origins.values()


def without(*names: str) -> Change:
    return lambda state: {n: v for n, v in state.items() if not n.startswith(names)}


def turned(name: str) -> Change:
    return lambda state: {**state, name: state[name].T}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda _: {}, r"names of no known layout \(\)"),
        (without("rpn."), "names of no known layout"),
        (without("backbone.body."), r"no known network has \(0, 0, 0, 0\) units"),
        (without("backbone.fpn."), r"there is nothing for backbone\.fpn\.inner_blocks\.0\.0"),
        (without(CLASSES), "there is nothing for roi_heads.box_predictor.cls_score"),
        (without("roi_heads.box_head"), "there is nothing for roi_heads.box_head.fc7.weight"),
        (without(f"{BOXES}.bias"), "1 missing: roi_heads.box_predictor.bbox_pred.bias"),
        (without("backbone.body.layer2.0.bn1.bias"), r"1 missing: backbone\.body\.layer2"),
        (turned(f"{CLASSES}.weight"), r"cls_score\.weight is \(1024, 81\) and not"),
        (turned(f"{BOXES}.weight"), r"bbox_pred\.weight is \(1024, 324\) and not \(320, 1024\)"),
        (turned("roi_heads.box_head.fc6.weight"), r"fc6\.weight is \(12544, 1024\) and not"),
        (lambda s: {**s, "backbone.body.fc.weight": s["rpn.head.bbox_pred.bias"]}, "fc.weight"),
    ],
)
def test_other_detectors_are_named(frozen: State, change: Change, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^file\.pth: .*{problem}") as error:
        translate(change(frozen))
    assert "\n" not in str(error.value)


def test_other_networks_are_answered_with_the_known_layouts() -> None:
    build = torchvision.models
    with torch.device("meta"):
        others = (
            build.segmentation.fcn_resnet50(weights=None, weights_backbone=None),
            build.detection.retinanet_resnet50_fpn(weights=None, weights_backbone=None),
        )
    for other in others:
        with pytest.raises(ValueError, match="the known ones are torchvision, with rpn"):
            translate(other.state_dict())
