"""Segmenters come back from files as they were, and those of other zoos become ours."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor

from backbones.weights import read_backbone
from lumbar.data.class_lists import CLASS_LISTS
from lumbar.data.pixel_classes import PixelClasses
from lumbar.ops.structures import Images
from lumbar.training.checkpoint import load_weights, save_weights
from lumbar.training.load import config_from_dict
from segmentation.build import make_segmenter
from segmentation.config import SegmentationConfig
from segmentation.fcn import FCN
from segmentation.labels import TASKS
from segmentation.model_config import ModelConfig
from segmentation.pixel_losses import CrossEntropy
from segmentation.weights import (
    SegmenterWeights,
    from_state,
    load_for_training,
    load_segmenter,
    remap_classes,
    save_segmenter,
)
from tests.segmentation.zoo_networks import SMPFPN, Body, MMSegmentationFPN, save

TASK = TASKS["multiclass"]
LOSS = CrossEntropy(TASK)
CLASSES = PixelClasses.parse({"cat": 1, "dog": 2, "emu": 3}, void=[255])
HEADS: dict[str, dict[str, Any]] = {
    "fpn": {"head": {"channels": 32}, "fpn": {"channels": 16}},
    "fcn": {"head": {"name": "fcn"}, "aux": {"weight": 0.4}},
    "concat": {"head": {"name": "concat"}},
    "skip": {"head": {"name": "skip"}},
}


def model_config(head: str = "fcn", *, weights: str = "none", **backbone: Any) -> ModelConfig:
    body = {"name": "resnet18", "weights": "none", "norm": "frozen", "freeze": []} | backbone
    return config_from_dict(ModelConfig, {**HEADS[head], "backbone": body, "weights": weights})


def segmenter(head: str = "fcn", **backbone: Any) -> SegmenterWeights:
    """With random weights and statistics, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = SegmentationConfig(model=model_config(head, **backbone))
        state = make_segmenter(config.model, len(CLASSES), task=TASK, loss=LOSS).state_dict()
        for name, value in state.items():
            if "running_mean" in name:
                value.normal_(std=0.2)
            elif "running_var" in name or name.startswith("classifier."):
                value.uniform_(0.5, 1.5)
    return SegmenterWeights(state, config, CLASSES)


def load(config: ModelConfig, classes: PixelClasses = CLASSES) -> tuple[FCN, Any]:
    return load_for_training(config, classes, task=TASK, loss=LOSS)


@pytest.mark.parametrize("head", HEADS)
def test_a_segmenter_comes_back_as_it_was(tmp_path: Path, head: str) -> None:
    weights = segmenter(head)
    save_segmenter(tmp_path / "new" / "model.safetensors", weights)

    state, config, classes = load_segmenter(f"{tmp_path}/new/model.safetensors")

    assert (config, classes) == (weights.config, CLASSES)
    assert state.keys() == weights.state.keys()
    assert all(torch.equal(state[name], weights.state[name]) for name in state)


def test_a_file_tells_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_segmenter(path, segmenter())
    metadata = load_weights(path)[1]
    assert metadata.keys() == {"lumbar", "arch", "config", "classes"}
    assert metadata["arch"] == "resnet18"
    assert "conv1.weight" in read_backbone(path, "resnet18")
    with pytest.raises(ValueError, match=r"set model\.backbone\.name=resnet18"):
        read_backbone(path, "resnet34")


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    detector = {"lumbar": "1", "config": "{}", "categories": "{}"}
    save_weights(tmp_path / "detector.safetensors", {"x": torch.ones(1)}, detector)
    save_weights(tmp_path / "bare.safetensors", {"x": torch.ones(1)}, {})
    torch.save({"fc.weight": torch.ones(1)}, tmp_path / "other.pth")
    (tmp_path / "half.pth").write_bytes(b"PK\3\4")
    for name, problem in (
        ("gone.pth", "no such weights file; give a model.safetensors"),
        ("detector.safetensors", "holds no Lumbar segmenter"),
        ("bare.safetensors", "names of no known layout"),
        ("other.pth", "names of no known layout"),
        ("half.pth", "damaged"),
    ):
        with pytest.raises(ValueError, match=rf"{name}: .*{problem}"):
            load_segmenter(f"{tmp_path}/{name}")


def class_rows(state: dict[str, Tensor]) -> set[str]:
    """Names of what has as many rows as there are classes."""
    return {name for name, value in state.items() if value.shape[:1] == (len(CLASSES),)} - {
        "pixels.mean",
        "pixels.std",
    }


@pytest.mark.parametrize("head", HEADS)
def test_class_rows_are_found_by_name(head: str) -> None:
    weights = segmenter(head)
    state = remap_classes(weights, PixelClasses.parse({"yak": 1, "emu": 5}))

    for name in class_rows(weights.state):
        if "doubling" in name:
            assert name not in state
            continue
        assert not state[name][0].any()
        assert torch.equal(state[name][1], weights.state[name][2])
        assert len(state[name]) == 2
    rest = state.keys() - class_rows(weights.state)
    assert all(state[name] is weights.state[name] for name in rest)


def test_the_same_classes_keep_their_rows() -> None:
    weights = segmenter("skip")
    assert remap_classes(weights, replace(CLASSES, void=())) == weights.state


@pytest.mark.parametrize("head", HEADS)
def test_without_common_classes_their_rows_are_left_out_and_reported(
    tmp_path: Path, head: str
) -> None:
    file = f"{tmp_path}/model.safetensors"
    weights = segmenter(head)
    save_segmenter(Path(file), weights)

    model, report = load(model_config(head, weights=file), PixelClasses.parse({"yak": 1, "gnu": 2}))

    assert {*report.reinitialised} == class_rows(weights.state)
    assert report.unused == ()
    assert len(model.state_dict()) == len(report.loaded) + len(report.reinitialised)


def test_training_starts_from_another_segmenter(tmp_path: Path) -> None:
    file = f"{tmp_path}/model.safetensors"
    weights = segmenter()
    save_segmenter(Path(file), weights)
    turned = PixelClasses.parse({"emu": 1, "cat": 2, "dog": 3})

    model, report = load(model_config(weights=file, freeze=["stem"]), turned)

    assert (report.reinitialised, report.unused, report.reshaped) == ((), (), ())
    before = make_segmenter(weights.config.model, 3, task=TASK, loss=LOSS)
    before.load_state_dict(weights.state)
    images = photograph(3)
    old, new = before.eval().logits(images), model.eval().logits(images)
    assert old.std() > 0.01
    torch.testing.assert_close(new, old[:, [2, 0, 1]])
    assert not model.backbone.get_parameter("conv1.weight").requires_grad
    assert model.backbone.get_parameter("layer1.0.conv1.weight").requires_grad


@pytest.mark.parametrize(
    ("head", "backbone", "fix"),
    [
        ("fcn", {"name": "resnet34"}, "model.backbone.name=resnet18"),
        ("concat", {}, "model.head.name=fcn"),
    ],
)
def test_another_network_starts_no_training(
    tmp_path: Path, head: str, backbone: dict[str, str], fix: str
) -> None:
    save_segmenter(tmp_path / "model.safetensors", segmenter("fcn"))
    config = model_config(head, weights=f"{tmp_path}/model.safetensors", **backbone)
    with pytest.raises(ValueError, match=rf"safetensors: .* set {fix}$"):
        load(config)


def photograph(channels: int) -> Images:
    generator = torch.Generator().manual_seed(3)
    canvas = torch.randint(256, (1, channels, 96, 128), generator=generator).float()
    sizes = torch.tensor([[96, 128]])
    return Images(canvas, sizes, sizes)


@torch.no_grad()
def inner_features(model: FCN, images: Images) -> Tensor:
    """c2 without the cells that see the border."""
    return model.eval().dense(images).features["c2"][..., 7:-7, 7:-7]


@pytest.mark.parametrize(("channels", "seen"), [(1, [0, 0, 0]), (2, [0, 1, 0])])
def test_a_whole_segmenter_takes_images_of_other_channels(
    tmp_path: Path, channels: int, seen: list[int]
) -> None:
    """By the statistics of pixels in its file, which need not be ImageNet's."""
    weights = segmenter()
    weights.state["pixels.mean"] = torch.tensor([100.0, 120.0, 90.0])
    weights.state["pixels.std"] = torch.tensor([50.0, 80.0, 65.0])
    save_segmenter(tmp_path / "model.safetensors", weights)
    config = model_config(weights=f"{tmp_path}/model.safetensors")
    images = photograph(channels)

    rgb, _ = load(config)
    other, report = load(
        config.model_copy(
            update={"backbone": config.backbone.model_copy(update={"in_channels": channels})}
        )
    )

    wanted = inner_features(rgb, images._replace(canvas=images.canvas[:, seen]))
    actual = inner_features(other, images)
    assert float((actual - wanted).abs().max() / wanted.abs().max()) < 1e-5
    assert {*report.reshaped} == {
        "backbone.conv1.weight",
        "backbone.bn1.running_mean",
        "pixels.mean",
        "pixels.std",
    }
    assert (report.reinitialised, report.unused) == ((), ())


def test_timms_rule_can_be_asked_for(tmp_path: Path) -> None:
    weights = segmenter()
    save_segmenter(tmp_path / "model.safetensors", weights)
    config = model_config(weights=f"{tmp_path}/model.safetensors", in_channels=1, input_rule="timm")
    model, _ = load(config)
    summed = weights.state["backbone.conv1.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(model.backbone.get_parameter("conv1.weight"), summed)


def test_rows_of_another_zoo_are_found_by_name_on_fine_tuning(tmp_path: Path) -> None:
    names = ("road", "sky", "tree")
    theirs = MMSegmentationFPN(Body("resnet18"), classes=3)
    source = save(tmp_path / "fpn.pth", theirs, meta={"CLASSES": names})
    config = load_segmenter(source).config.model.model_copy(update={"weights": source})

    model, report = load(config, PixelClasses.parse({"tree": 1, "lake": 2}))

    assert report.reinitialised == ()
    ours = model.classifier.get_parameter("conv_seg.weight")
    assert torch.equal(ours[0], theirs.decode_head.conv_seg.weight[2])
    assert not ours[1].any()


def test_what_was_taken_for_granted_is_said(caplog: pytest.LogCaptureFixture) -> None:
    theirs = SMPFPN(Body("resnet18")).state_dict()
    with caplog.at_level(logging.INFO):
        from_state(theirs, "model.pth")
    assert f"model.pth: {len(theirs)} tensors taken, named as by segmentation-" in caplog.text
    assert "convolutions of the pyramid that change nothing (8)" in caplog.text


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("fcn_resnet50", "fcn_resnet50_coco-1167a1af.pth"),
        ("fcn_resnet101", "fcn_resnet101_coco-7ecb50ca.pth"),
    ],
)
def test_a_published_segmenter_is_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    theirs = torchvision.models.get_model(
        name, weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    )
    torch.save(theirs.state_dict(), tmp_path / "hub" / "checkpoints" / file)

    _, config, classes = load_segmenter(f"torchvision/{name}")

    assert config.model.backbone.name == name.removeprefix("fcn_")
    assert classes == CLASS_LISTS["voc"]
