"""Files of zoos become files of ours, whatever is in them, or say why not."""

import os
from pathlib import Path

import pytest
import torch
import torchvision

from segmentation.convert import convert, holds_segmenter
from segmentation.weights import from_state, load_segmenter
from tests.segmentation.zoo_networks import (
    SMPFPN,
    Body,
    MMSegmentationFCN,
    MMSegmentationFPN,
    recipe_text,
    save,
)


def test_a_segmenter_comes_through_whole(tmp_path: Path) -> None:
    theirs = MMSegmentationFCN(Body("resnet50", deep=True))
    meta = {"config": recipe_text(dilation=6), "CLASSES": [f"thing {n}" for n in range(19)]}
    source = save(tmp_path / "fcn.pth", theirs, meta=meta)
    output = tmp_path / "new" / "model.safetensors"
    state = theirs.state_dict()

    report = convert(source, output)

    assert report.startswith(f"{source}: {len(state)} tensors taken, named as by MMSegmentation")
    assert "dilation 6 in the head, align_corners False, as the file says" in report
    assert report.endswith(f"{output}: FCN with resnet50c, head concat and 19 classes, multiclass")
    ours = load_segmenter(str(output))
    expected = from_state(state, "theirs", {"meta": meta})
    assert (ours.config, ours.classes) == (expected.config, expected.classes)
    assert ours.state.keys() == expected.state.keys()
    assert all(torch.equal(v, expected.state[n]) for n, v in ours.state.items())
    assert ours.classes.names[18] == "thing 18"


def test_the_asked_style_wins(tmp_path: Path) -> None:
    source = save(tmp_path / "fpn.pth", MMSegmentationFPN(Body("resnet50")))

    reports = [
        convert(source, tmp_path / f"{style}.safetensors", style) for style in ("caffe", "pytorch")
    ]

    assert all("as asked for" in report for report in reports)
    caffe, pytorch = (
        load_segmenter(f"{tmp_path}/{style}.safetensors") for style in ("caffe", "pytorch")
    )
    assert caffe.config.model.backbone.name == "resnet50_v1"
    assert pytorch.config.model.backbone.name == "resnet50"
    name = "backbone.body.conv1.weight"
    assert not torch.equal(caffe.state[name], pytorch.state[name])


def test_a_published_segmenter_is_converted_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / "fcn_resnet50_coco-1167a1af.pth"
    file.parent.mkdir(parents=True)
    theirs = torchvision.models.segmentation.fcn_resnet50(
        weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    )
    torch.save(theirs.state_dict(), file)

    assert holds_segmenter("torchvision/fcn_resnet50")
    convert("torchvision/fcn_resnet50", tmp_path / "model.safetensors")

    assert load_segmenter(f"{tmp_path}/model.safetensors").config.data.resize.test_short == 520


def test_only_segmenters_are_taken_for_one(tmp_path: Path) -> None:
    for name, network in (
        ("segmenter", SMPFPN(Body("resnet18"))),
        ("classifier", torchvision.models.resnet18()),
    ):
        torch.save(network.state_dict(), tmp_path / f"{name}.pth")
        assert holds_segmenter(f"{tmp_path}/{name}.pth") == (name == "segmenter")


class Payload:
    """Code instead of weights."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("echo executed",)


def test_what_cannot_be_converted_leaves_nothing_behind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.save(SMPFPN(Body("resnet18")).state_dict(), tmp_path / "fpn.pth")
    convert(f"{tmp_path}/fpn.pth", tmp_path / "ours.safetensors")
    torch.save({"x": Payload()}, tmp_path / "evil.pth")
    torch.save({}, tmp_path / "empty.pth")
    torch.save({"fc.weight": torch.ones(1)}, tmp_path / "other.pth")
    (tmp_path / "half.pth").write_bytes((tmp_path / "fpn.pth").read_bytes()[:-1000])
    for source, problem in (
        ("evil.pth", "it names posix.system"),
        ("half.pth", "damaged"),
        ("empty.pth", "no tensors"),
        ("other.pth", "the known ones are torchvision, with classifier"),
        ("ours.safetensors", "a file of Lumbar already"),
        ("gone.pth", "no such weights"),
    ):
        with pytest.raises(ValueError, match=rf"{source}.*{problem}|{problem}.*{source}"):
            convert(str(tmp_path / source), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
    assert capfd.readouterr().out == ""
