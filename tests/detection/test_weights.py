"""Detectors come back from files as they were, and those of other zoos become ours."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones.files import State
from backbones.weights import read_backbone
from detection.build import make_detector
from detection.config import DetectionConfig
from detection.weights import (
    DetectorWeights,
    from_state,
    load_detector,
    load_for_training,
    remap_classes,
    save_detector,
)
from lumbar.data.categories import Categories
from lumbar.training.checkpoint import load_weights, save_weights
from tests.detection.parts import make_images, tiny_config, tiny_detector
from tests.detection.zoo_files import (
    as_detectron2,
    as_mmdetection,
    small_detector,
    small_detector_v2,
)

Zoo = Callable[[State], State]
Maker = Callable[[int], State]

CLASSES = Categories(("cat", "dog", "emu"), (3, 5, 8))
PREDICTOR = "roi_heads.box_predictor"


@pytest.fixture
def weights() -> DetectorWeights:
    config = DetectionConfig(model=tiny_config())
    return DetectorWeights(tiny_detector().state_dict(), config, CLASSES)


def test_a_detector_comes_back_as_it_was(tmp_path: Path, weights: DetectorWeights) -> None:
    save_detector(tmp_path / "new" / "model.safetensors", weights)

    state, config, categories = load_detector(f"{tmp_path}/new/model.safetensors")

    assert (config, categories) == (weights.config, CLASSES)
    assert state.keys() == weights.state.keys()
    assert all(torch.equal(state[name], weights.state[name]) for name in state)


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    save_weights(tmp_path / "bare.safetensors", {"x": torch.ones(1)}, {})
    torch.save({"fc.weight": torch.ones(1)}, tmp_path / "other.pth")
    (tmp_path / "model_final.pkl").touch()
    for name, problem in (
        ("gone.pth", "no such weights file; give a model.safetensors"),
        ("bare.safetensors", "no config and classes in its metadata"),
        ("other.pth", "names of no known layout"),
        ("model_final.pkl", r"run python tools/convert_weights\.py"),
    ):
        with pytest.raises(ValueError, match=rf"{name}: .*{problem}"):
            load_detector(f"{tmp_path}/{name}")


def test_the_same_classes_keep_their_rows(weights: DetectorWeights) -> None:
    state = remap_classes(weights, Categories(CLASSES.names, (1, 2, 3)))

    assert all(torch.equal(state[name], weights.state[name]) for name in weights.state)


def test_reordered_classes_are_found_as_before(weights: DetectorWeights) -> None:
    turned = Categories(("emu", "cat", "dog"), (1, 2, 3))
    model, other = tiny_detector(), tiny_detector()

    other.load_state_dict(remap_classes(weights, turned))

    before, after = (part.eval().predict(make_images()) for part in (model, other))
    assert before.valid.any()
    for index in range(2):
        old, new = before.image(index), after.image(index)
        named = [CLASSES.names[label] for label in old.labels]
        assert [turned.names[label] for label in new.labels] == named
        torch.testing.assert_close(new.boxes, old.boxes)
        torch.testing.assert_close(new.scores, old.scores)


def test_new_classes_start_at_zero_and_the_background_stays_last(weights: DetectorWeights) -> None:
    state = remap_classes(weights, Categories(("yak", "dog"), (1, 2)))

    for kind in ("weight", "bias"):
        old, new = (s[f"{PREDICTOR}.cls_score.{kind}"] for s in (weights.state, state))
        assert not new[0].any()
        assert torch.equal(new[1:], old[[1, 3]])
        boxes = state[f"{PREDICTOR}.bbox_pred.{kind}"]
        assert not boxes[:4].any()
        assert torch.equal(boxes[4:], weights.state[f"{PREDICTOR}.bbox_pred.{kind}"][4:8])


def test_without_common_classes_their_rows_are_left_out(weights: DetectorWeights) -> None:
    state = remap_classes(weights, Categories(("yak",), (1,)))

    assert {name for name in weights.state if name not in state} == {
        f"{PREDICTOR}.{layer}.{kind}"
        for layer in ("cls_score", "bbox_pred")
        for kind in ("weight", "bias")
    }


def test_training_starts_from_another_detector(tmp_path: Path, weights: DetectorWeights) -> None:
    file = f"{tmp_path}/model.safetensors"
    save_detector(Path(file), weights)
    config = tiny_config(backbone={"freeze": ("stem",)}).model_copy(update={"weights": file})

    model, report = load_for_training(config, Categories(("yak", "gnu"), (1, 2)))

    assert set(report.reinitialised) == {name for name in model.state_dict() if PREDICTOR in name}
    assert torch.equal(model.rpn.head.bbox_pred.weight, weights.state["rpn.head.bbox_pred.weight"])
    assert not model.backbone.body.conv1.weight.requires_grad


def test_a_detector_for_colours_sees_grey_as_three_copies_of_it(tmp_path: Path) -> None:
    """Away from the border, whatever the statistics of pixels in its file."""
    file = f"{tmp_path}/model.safetensors"
    colour = tiny_config(backbone={"norm": "frozen"})
    grey = tiny_config(backbone={"norm": "frozen", "in_channels": 1})
    state = make_detector(colour, len(CLASSES)).state_dict()
    state["backbone.body.bn1.running_mean"].normal_(std=0.2)
    state["pixels.std"] *= torch.tensor([0.5, 1.0, 2.0])
    save_detector(Path(file), DetectorWeights(state, DetectionConfig(model=colour), CLASSES))
    (rgb, _), (one, report) = (
        load_for_training(config.model_copy(update={"weights": file}), CLASSES)
        for config in (colour, grey)
    )
    images = make_images(((96, 96), (96, 96)), canvas=(96, 96))
    canvas = images.canvas[:, :1]

    with torch.no_grad():
        wanted = rgb.backbone.body(rgb.pixels(images._replace(canvas=canvas.expand(-1, 3, -1, -1))))
        maps = one.backbone.body(one.pixels(images._replace(canvas=canvas)))

    inner, expected = (found["c2"][..., 7:-7, 7:-7] for found in (maps, wanted))
    assert float((inner - expected).abs().max() / expected.abs().max()) < 1e-5
    assert "backbone.body.conv1.weight" in report.reshaped
    assert report.reinitialised == ()


def test_a_detector_on_another_network_starts_no_training(
    tmp_path: Path, weights: DetectorWeights
) -> None:
    """Some networks differ in nothing but what their weights mean."""
    save_detector(tmp_path / "model.safetensors", weights)
    config = tiny_config(backbone={"name": "resnet34"})
    config = config.model_copy(update={"weights": f"{tmp_path}/model.safetensors"})

    with pytest.raises(ValueError, match=r"safetensors: .*set model\.backbone\.name=resnet18$"):
        load_for_training(config, CLASSES)


@pytest.mark.parametrize(
    ("zoo", "wrapper"), [(dict, "model"), (as_detectron2, "model"), (as_mmdetection, "state_dict")]
)
def test_detectors_of_zoos_are_read_from_their_files(
    tmp_path: Path, zoo: Zoo, wrapper: str
) -> None:
    theirs = small_detector(81)
    torch.save({wrapper: zoo(theirs), "meta": {"epoch": 1}}, tmp_path / "model_final.pth")

    state, config, categories = load_detector(f"{tmp_path}/model_final.pth")

    make_detector(config.model, len(categories)).load_state_dict(state)
    ours = from_state(theirs, "model").state
    assert state.keys() == ours.keys()
    for name, value in state.items():
        torch.testing.assert_close(value, ours[name])


def test_what_was_taken_for_granted_is_said(caplog: pytest.LogCaptureFixture) -> None:
    theirs = as_detectron2(small_detector(81))

    with caplog.at_level(logging.INFO):
        from_state(theirs, "model.pth")

    assert f"model.pth: {len(theirs)} tensors taken, named as by detectron2" in caplog.text
    assert "as usual with detectron2 (convert with --style pytorch" in caplog.text


def test_rows_of_another_zoo_are_found_by_name_on_fine_tuning(tmp_path: Path) -> None:
    theirs = as_detectron2(small_detector(81))
    torch.save({"model": theirs}, tmp_path / "model_final.pth")
    config = load_detector(f"{tmp_path}/model_final.pth").config.model
    config = config.model_copy(update={"weights": f"{tmp_path}/model_final.pth"})

    model, report = load_for_training(config, Categories(("zebra", "gnu", "dog"), (4, 5, 9)))

    assert report.reinitialised == ()
    predictor = model.roi_heads.box_predictor
    classes, boxes = (theirs[f"{PREDICTOR}.{layer}.weight"] for layer in ("cls_score", "bbox_pred"))
    zebra, dog, background = 22, 16, 80
    assert torch.equal(predictor.cls_score.weight[[0, 2, 3]], classes[[zebra, dog, background]])
    assert torch.equal(predictor.bbox_pred.weight[:4], boxes[4 * zebra : 4 * zebra + 4])
    assert torch.equal(predictor.bbox_pred.weight[8:], boxes[4 * dog : 4 * dog + 4])
    assert not predictor.cls_score.weight[1].any()
    assert not predictor.bbox_pred.weight[4:8].any()


@pytest.mark.parametrize(
    ("version", "file", "make"),
    [
        ("", "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth", small_detector),
        ("_v2", "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", small_detector_v2),
    ],
)
def test_a_published_detector_is_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, file: str, make: Maker
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(make(91), tmp_path / "hub" / "checkpoints" / file)

    _, config, categories = load_detector(f"torchvision/fasterrcnn_resnet50_fpn{version}")

    assert config.preset == f"torchvision{version}"
    assert config.model.backbone.norm_eps == (1e-5 if version else 0)
    assert (categories.names[0], len(categories)) == ("person", 90)


def test_weights_say_what_network_they_are_of(tmp_path: Path, weights: DetectorWeights) -> None:
    save_detector(tmp_path / "model.safetensors", weights)

    assert load_weights(tmp_path / "model.safetensors")[1]["arch"] == "resnet18"
    assert "conv1.weight" in read_backbone(tmp_path / "model.safetensors", "resnet18")
    with pytest.raises(ValueError, match=r"set model\.backbone\.name=resnet18"):
        read_backbone(tmp_path / "model.safetensors", "resnet34")
