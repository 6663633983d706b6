"""Prediction from the command line: with the weights of a run, and with those that torchvision saved."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from lumbar.data.image_io import read_image
from lumbar.training.run_folder import RunFolder
from tests.end_to_end.shell import complain, succeed

SCORE = 0.3


@pytest.fixture
def photos(tmp_path: Path, examples: Path) -> list[Path]:
    """Two of COCO's images, `one.jpg` in a folder and `two.jpg` beside it."""
    paths = [tmp_path / "album" / "one.jpg", tmp_path / "two.jpg"]
    paths[0].parent.mkdir()
    for name, path in zip(("000000404484", "000000501760"), paths, strict=True):
        shutil.copy(examples / "coco" / "images" / f"{name}.jpg", path)
    return paths


def predictions(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "predictions.json").read_text())
    return rows


def test_folders_and_globs_become_results_and_pictures(
    trained: tuple[RunFolder, str], photos: list[Path], tmp_path: Path
) -> None:
    command = ("--weights", trained[0].weights, "album", "t*.jpg", "--score", "0")

    succeed("predict", *command, "--output", "found", folder=tmp_path)

    rows = predictions(tmp_path / "found")
    assert {(row["image_id"], row["file_name"]) for row in rows} == {
        (1, "album/one.jpg"),
        (2, "two.jpg"),
    }
    for row in rows:
        height, width, _ = read_image(tmp_path / row["file_name"]).shape
        x, y, w, h = row["bbox"]
        assert 0 <= x < x + w <= width + 1e-3
        assert 0 <= y < y + h <= height + 1e-3
        assert 0 <= row["score"] <= 1
        assert 1 <= row["category_id"] <= 90
    drawings = sorted((tmp_path / "found").rglob("*.jpg"))
    assert [path.name for path in drawings] == ["one.jpg", "two.jpg"]
    for drawing in drawings:
        assert read_image(drawing).std() > 1


def test_missing_images_are_named(tmp_path: Path) -> None:
    command = ("--weights", "any.safetensors", "--output", "found", "gone.jpg")

    assert "error: gone.jpg: no image there" in complain("predict", *command, folder=tmp_path)


def test_a_checkpoint_of_torchvision_gives_its_boxes(photos: list[Path], tmp_path: Path) -> None:
    strips = [save_strip(photos[0], (0, 90, 320, 130)), save_strip(photos[1], (200, 0, 250, 333))]
    expected = save_torchvision_detector(tmp_path / "tv.pth", strips)
    command = ("--weights", "tv.pth", *strips, "--score", SCORE)

    succeed("predict", *command, "--output", "found", folder=tmp_path)

    rows = predictions(tmp_path / "found")
    for number, (boxes, scores, labels) in enumerate(expected, start=1):
        own = [row for row in rows if row["image_id"] == number]
        assert len(own) == len(boxes) > 0
        assert sorted(row["category_id"] for row in own) == sorted(labels.tolist())
        assert [row["score"] for row in own] == pytest.approx(scores.tolist(), abs=1e-4)
        found = torch.tensor([[row["category_id"], *row["bbox"]] for row in own])
        xywh = torch.cat((labels[:, None], boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), dim=1)
        # Scores that are almost tied may change places: each object has its nearest twin.
        distance = (found[:, None] - xywh).abs().amax(-1)
        assert distance.amin(0).max() < 1e-2
        assert distance.amin(1).max() < 1e-2


def save_strip(photo: Path, corners: tuple[int, int, int, int]) -> Path:
    """Cuts a strip out: its long edge, 1333 pixels in torchvision's preset, leaves little area."""
    path = photo.with_suffix(".png")
    with Image.open(photo) as image:
        image.crop(corners).save(path)
    return path


def save_torchvision_detector(path: Path, photos: list[Path]) -> list[tuple[Tensor, ...]]:
    """Saves a random detector with batch norms, and returns its boxes, scores and labels for each photo."""
    torch.manual_seed(0)
    model = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4)
    images = [torch.from_numpy(read_image(p)).permute(2, 0, 1) / 255 for p in photos]
    with torch.no_grad():
        small = torch.nn.functional.interpolate(images[0][None], (128, 160)) * 4 - 2
        for _ in range(20):  # statistics that keep the size of activations
            model.backbone.body(small)
        predictor = model.roi_heads.box_predictor
        model.rpn.head.cls_logits.weight.mul_(10)
        model.rpn.head.bbox_pred.weight.mul_(5)
        predictor.cls_score.weight.mul_(8)
        torch.save(model.state_dict(), path)
        found = [
            (out["boxes"], out["scores"], out["labels"])
            for image in images
            for out in model.eval()([image])
        ]
    return [tuple(field[out[1] >= SCORE] for field in out) for out in found]
