"""Files of zoos become files of ours, whatever is in them, or say why not."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from backbones.build import build_backbone
from backbones.config import BackboneConfig, FPNConfig
from detection.convert import convert
from detection.detector import Detector
from detection.weights import load_detector
from lumbar.training.checkpoint import load_weights
from tests.backbones.zoo_files import (
    as_arrays,
    caffe2_name,
    detectron2_name,
    random_resnet,
    renamed,
    write_pickle,
)
from tests.detection.zoo_files import as_detectron2, small_detector


@pytest.fixture(scope="module")
def detectron2_pickle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of the 80 classes of COCO, as detectron2 publishes it."""
    content = {"model": as_arrays(as_detectron2(small_detector(81))), "__author__": "Detectron2"}
    return write_pickle(tmp_path_factory.mktemp("zoo") / "model_final.pkl", content)


def test_a_detector_comes_through_whole(tmp_path: Path, detectron2_pickle: Path) -> None:
    output = tmp_path / "new" / "model.safetensors"

    report = convert(str(detectron2_pickle), output)

    assert report.splitlines()[0].endswith("130 tensors taken, named as by detectron2")
    assert "folded, BGR to RGB and times the deviation (1): backbone.body.conv1.weight" in report
    assert report.endswith("Faster R-CNN with resnet18 and 80 classes, preset detectron2")
    detector = Detector.load(output)
    assert detector.categories.names[0] == "person"
    assert detector.data.resize.rule == "pil"
    expected = as_detectron2(small_detector(81))["roi_heads.box_predictor.cls_score.weight"]
    assert torch.equal(detector.model.roi_heads.box_predictor.cls_score.weight, expected)


def test_the_asked_style_wins(tmp_path: Path, detectron2_pickle: Path) -> None:
    first, second = (tmp_path / f"{style}.safetensors" for style in ("caffe", "pytorch"))

    reports = [convert(str(detectron2_pickle), path, path.stem) for path in (first, second)]

    name = "backbone.body.conv1.weight"
    folded, plain = (load_detector(str(path)).state[name] for path in (first, second))
    torch.testing.assert_close(
        folded, plain.flip(1) * torch.tensor([58.395, 57.12, 57.375])[:, None, None]
    )
    assert all("as asked for" in report for report in reports)


@pytest.mark.parametrize("suffix", [".pkl", ".pth", ".safetensors"])
def test_a_backbone_comes_through_and_is_loaded(tmp_path: Path, suffix: str) -> None:
    state = random_resnet("resnet18")
    source, output = tmp_path / f"R-18{suffix}", tmp_path / "backbone.safetensors"
    if suffix == ".pkl":
        write_pickle(source, as_arrays(renamed(state, caffe2_name)), 2)
    elif suffix == ".pth":
        torch.save({"model": renamed(state, detectron2_name)}, source)
    else:
        save_file(state, source)

    report = convert(str(source), output)

    assert report.endswith(f"{output}: resnet18, for model.backbone.weights")
    assert load_weights(output)[1]["arch"] == "resnet18"
    config = BackboneConfig(name="resnet18", weights=str(output))
    loaded = build_backbone(config, FPNConfig(channels=16)).report
    assert loaded is not None
    assert (loaded.reinitialised, loaded.unused, len(loaded.loaded)) == ((), (), 100)


def test_a_caffe_network_goes_into_its_own_architecture_only(tmp_path: Path) -> None:
    """Nothing in the names tells them apart: only what the file says."""
    state = renamed(random_resnet("resnet50"), caffe2_name)
    source, output = tmp_path / "R-50.pkl", tmp_path / "backbone.safetensors"
    convert(str(write_pickle(source, as_arrays(state))), output)
    build_backbone(BackboneConfig(name="resnet50_v1", weights=str(output)), FPNConfig(channels=16))

    with pytest.raises(ValueError, match=r"set model\.backbone\.name=resnet50_v1"):
        build_backbone(BackboneConfig(weights=str(output)), FPNConfig(channels=16))


class Payload:
    """Code instead of weights."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("echo executed",)


def test_what_cannot_be_converted_leaves_nothing_behind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], detectron2_pickle: Path
) -> None:
    convert(str(detectron2_pickle), tmp_path / "ours.safetensors")
    write_pickle(tmp_path / "evil.pkl", {"model": {"x": Payload()}})
    (tmp_path / "half.pkl").write_bytes(detectron2_pickle.read_bytes()[:-1000])
    torch.save({"classifier.0.weight": torch.ones(1)}, tmp_path / "fcn.pth")
    torch.save({}, tmp_path / "empty.pth")
    for source, problem in (
        ("evil.pkl", r"refused, it names posix\.system"),
        ("half.pkl", "damaged"),
        ("fcn.pth", "the known ones are torchvision, with rpn.*Caffe2, with res2_0_branch2a_w"),
        ("empty.pth", "no tensors"),
        ("ours.safetensors", "a file of Lumbar already"),
        ("gone.pkl", "no such weights"),
    ):
        with pytest.raises(ValueError, match=rf"{source}.*{problem}|{problem}.*{source}"):
            convert(str(tmp_path / source), tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
    assert capfd.readouterr().out == ""


def test_a_published_detector_is_converted_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth"
    file.parent.mkdir(parents=True)
    torch.save(small_detector(91), file)

    convert("torchvision/fasterrcnn_resnet50_fpn", tmp_path / "model.safetensors")

    assert load_detector(f"{tmp_path}/model.safetensors").config.model.backbone.norm_eps == 0
