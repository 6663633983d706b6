"""One command for the weights of any zoo: whole models of both tasks, and residual networks alone."""

from pathlib import Path

import pytest
import torch
import torchvision

from lumbar.commands.convert_weights import main
from lumbar.commands.kinds import task_of
from lumbar.training.checkpoint import load_weights
from tests.backbones.zoo_files import as_arrays, random_resnet, write_pickle
from tests.detection.zoo_files import as_detectron2, small_detector

Capture = pytest.CaptureFixture[str]


def test_detectors_and_segmenters_become_ours(tmp_path: Path, capsys: Capture) -> None:
    detector = as_arrays(as_detectron2(small_detector(81)))
    write_pickle(tmp_path / "det.pkl", {"model": detector, "__author__": "Detectron2"})
    fcn = torchvision.models.segmentation.fcn_resnet50(weights=None, weights_backbone=None)
    torch.save(fcn.state_dict(), tmp_path / "seg.pth")

    for source, task in (("det.pkl", "detection"), ("seg.pth", "segmentation")):
        output = tmp_path / f"{task}.safetensors"
        assert main([str(tmp_path / source), str(output)]) == 0
        assert task_of(str(output)) == task

    shown = capsys.readouterr().out
    assert "Faster R-CNN with resnet18" in shown
    assert "FCN with resnet50" in shown


def test_residual_networks_become_bodies(tmp_path: Path, capsys: Capture) -> None:
    torch.save(random_resnet("resnet18"), tmp_path / "body.pth")

    assert main([str(tmp_path / "body.pth"), str(tmp_path / "body.safetensors")]) == 0

    assert "for model.backbone.weights" in capsys.readouterr().out
    assert load_weights(tmp_path / "body.safetensors")[1]["arch"] == "resnet18"


def test_mistakes_are_named(tmp_path: Path, capsys: Capture) -> None:
    torch.save({"fc.weight": torch.ones(1)}, tmp_path / "other.pth")

    assert main([str(tmp_path / "gone.pth"), "out.safetensors"]) == 1
    assert main([str(tmp_path / "other.pth"), "out.safetensors"]) == 1
    with pytest.raises(SystemExit):
        main(["a.pth", "out.pth"])

    messages = capsys.readouterr().err
    for shown in ("gone.pth", "other.pth: names of no known layout", "must be a .safetensors file"):
        assert shown in messages
