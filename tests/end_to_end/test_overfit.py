"""A detector that cannot learn eight images by heart has something wrong in it."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.shell import succeed

IMAGES = (165518, 196393, 208901, 214753, 269314, 343937, 416256, 525891)
"""Of `examples/coco`; none with a crowd or a crowd of small things."""

CONFIG = """\
model:
  backbone: {name: resnet18, weights: none, norm: group, freeze: []}
  fpn: {channels: 128}
  anchors: {sizes: [16, 32, 64, 128, 192]}
  rpn: {train_pre_nms: 500, test_pre_nms: 500, train_post_nms: 300, test_post_nms: 300}
  roi: {head_dim: 256, batch: 128}
data:
  root: data
  train: {images: images, annotations: truth.json}
  val: {images: images, annotations: truth.json}
  resize: {short: [192], test_short: 192, long: 288}
  augment: {flip: 0.0}
  batch_size_per_device: 4
  workers: 0
  cache_images: true
optim: {name: adamw, lr: 5.0e-4, base_batch_size: null}
schedule: {name: cosine, warmup_steps: 20}
trainer: {max_epochs: 150, val_every_epochs: 150, clip_norm: 10.0, precision: fp32}
"""


@pytest.mark.slow
def test_eight_images_are_learnt_by_heart(tmp_path: Path, examples: Path) -> None:
    document = json.loads((examples / "coco" / "annotations" / "instances.json").read_text())
    document["images"] = [image for image in document["images"] if image["id"] in IMAGES]
    document["annotations"] = [row for row in document["annotations"] if row["image_id"] in IMAGES]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "truth.json").write_text(json.dumps(document))
    (tmp_path / "data" / "images").symlink_to(examples / "coco" / "images")
    (tmp_path / "overfit.yaml").write_text(CONFIG)

    command = ("--config", "overfit.yaml", "data.root=data", "--output", "run")
    output = succeed("train_det", *command, folder=tmp_path)

    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["num_images"] == len(IMAGES)
    assert results["bbox"]["AP50"] >= 0.95, output
