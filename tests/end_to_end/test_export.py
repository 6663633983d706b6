"""A detector leaves for a server: the tool exports it, and tells how far the file is from the detector."""

import json
from pathlib import Path

import pytest
import torch

from detection.build import make_detector
from detection.config import DetectionConfig
from detection.faster_rcnn import FasterRCNN
from detection.weights import DetectorWeights, save_detector
from lumbar.data.categories import Categories
from lumbar.data.image_io import read_image
from lumbar.ops.structures import Images
from lumbar.training.load import config_from_dict
from tests.detection.parts import tiny_config, tiny_detector
from tests.end_to_end.shell import complain, succeed

ROI = {"init": "normal"}  # torchvision's start finds next to nothing


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A tiny detector with torchvision's conventions, which has not learnt anything."""
    model = tiny_detector("torchvision", roi=ROI)
    settings = {
        "model": tiny_config("torchvision", roi=ROI).model_dump(mode="json"),
        "data": {"resize": {"rule": "torchvision", "test_short": 96, "long": 160}},
    }
    return save(tmp_path / "tiny.safetensors", model, settings)


@pytest.fixture
def photos(examples: Path) -> list[Path]:
    names = ("000000501760", "000000062554")
    return [examples / "coco" / "images" / f"{name}.jpg" for name in names]


def save(path: Path, model: FasterRCNN, settings: dict[str, object]) -> Path:
    count = model.roi_heads.box_predictor.num_classes
    classes = Categories(tuple(f"class {n}" for n in range(count)), tuple(range(1, count + 1)))
    config = config_from_dict(DetectionConfig, settings)
    save_detector(path, DetectorWeights(model.state_dict(), config, classes))
    return path


def rows_of(output: str, photos: list[Path]) -> list[list[str]]:
    """The cells of the table: name, canvas, objects, differences of boxes and scores, labels, verdict, times."""
    names = {photo.name for photo in photos}
    lines = (line.replace(" x ", "x").split() for line in output.splitlines())
    return [line for line in lines if line and line[0] in names]


@pytest.mark.parametrize("name", ["model.pt2", pytest.param("model.onnx", marks=pytest.mark.slow)])
def test_an_exported_file_is_equal_on_every_canvas(
    name: str, weights: Path, photos: list[Path], tmp_path: Path
) -> None:
    """As ONNX, `detection` exports one at each run, and `commands` a classifier."""
    command = ("--weights", weights, "--output", f"served/{name}", "--image", *photos)

    output = succeed("export", *command, folder=tmp_path)

    rows = rows_of(output, photos)
    assert [row[1] for row in rows] == ["1x96x160", "2x128x192"] * 2
    for _, _, objects, boxes, scores, labels, verdict, *seconds in rows:
        assert int(objects) > 5
        assert float(boxes) <= 1e-3
        assert float(scores) <= 1e-4
        assert (labels, verdict) == ("same", "equal")
        assert min(map(float, seconds)) > 0
    assert "median of an image" in output
    served = tmp_path / "served"
    assert {path.name for path in served.iterdir()} == {name, f"{name}.json"}
    assert f"{(served / name).stat().st_size / 1e6:.1f} MB" in output
    about = json.loads((served / f"{name}.json").read_text())
    assert about["images"]["dtype"] == "float32"
    assert about["classes"] == {"names": ["class 0", "class 1", "class 2"], "ids": [1, 2, 3]}


def test_a_file_of_another_kind_is_refused_at_once(tmp_path: Path) -> None:
    command = ("--weights", "any.safetensors", "--output", "model.pb")

    message = complain("export", *command, folder=tmp_path)

    assert "the output must be a .onnx or .pt2 file, got model.pb" in message


@pytest.mark.slow
def test_a_resnet50_is_equal_on_photos_of_full_size(photos: list[Path], tmp_path: Path) -> None:
    settings = {"model": {"backbone": {"norm": "batch", "weights": "none", "freeze": []}}}
    model = make_detector(config_from_dict(DetectionConfig, settings).model, num_classes=80)
    weights = save(tmp_path / "r50.safetensors", settled(model, photos), settings)
    command = ("--weights", weights, "--output", "r50.onnx", "--image", *photos)

    output = succeed("export", *command, folder=tmp_path)

    rows = rows_of(output, photos)
    assert [row[1] for row in rows] == ["1x800x1216", "2x832x1248"] * 2
    for _, _, objects, _, _, labels, verdict, *_ in rows:
        assert int(objects) > 20
        assert labels == "same"
        assert verdict in {"equal", "rounding"}


@torch.no_grad()
def settled(model: FasterRCNN, photos: list[Path]) -> FasterRCNN:
    """Gives activations and predictions the size that they have in a trained network."""
    crops = [torch.from_numpy(read_image(photo)[:300, :300].copy()) for photo in photos]
    sizes = torch.tensor([[300, 300]] * len(crops))
    pixels = model.pixels(Images(torch.stack(crops).permute(0, 3, 1, 2), sizes, sizes))
    for _ in range(15):  # each moves the norms' statistics by a tenth
        model.train().backbone(pixels)
    predictor = model.roi_heads.box_predictor
    for layer, factor in (
        (model.rpn.head.cls_logits, 10),
        (model.rpn.head.bbox_pred, 5),
        (predictor.cls_score, 10),
        (predictor.bbox_pred, 30),
    ):
        layer.weight.mul_(factor)
    return model
