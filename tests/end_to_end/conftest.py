"""A folder in the shape of COCO, and one run on it that many tests look at."""

import json
from pathlib import Path

import pytest

from lumbar.training.run_folder import RunFolder
from tests.end_to_end.shell import succeed
from tests.segmentation.mask_set import small_yaml, write_mask_set


@pytest.fixture(scope="session")
def coco(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images to train on and two to validate, named as in COCO; one annotation lacks its area."""
    folder = tmp_path_factory.mktemp("data") / "coco"
    document = json.loads((examples / "coco" / "annotations" / "instances.json").read_text())
    (folder / "annotations").mkdir(parents=True)
    parts = {"train2017": document["images"][:6], "val2017": document["images"][-2:]}
    for name, images in parts.items():
        (folder / name).mkdir()
        for image in images:
            source = examples / "coco" / "images" / image["file_name"]
            (folder / name / image["file_name"]).symlink_to(source)
        ids = {image["id"] for image in images}
        rows = [dict(row) for row in document["annotations"] if row["image_id"] in ids]
        if name == "train2017":
            del rows[0]["area"]
        part = {"images": images, "annotations": rows, "categories": document["categories"]}
        (folder / "annotations" / f"instances_{name}.json").write_text(json.dumps(part))
    return folder


@pytest.fixture(scope="session")
def small_config(coco: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow ResNet-18 from scratch, small enough for a test."""
    path = tmp_path_factory.mktemp("configs") / "small.yaml"
    path.write_text(f"""\
model:
  backbone: {{name: resnet18, width: 16, weights: none, norm: group, freeze: []}}
  fpn: {{channels: 32}}
  anchors: {{sizes: [8, 16, 32, 64, 128]}}
  rpn: {{train_pre_nms: 100, test_pre_nms: 100, train_post_nms: 100, test_post_nms: 100}}
  roi: {{head_dim: 64, batch: 32, score: 0.001}}
data:
  root: {coco}
  train: {{images: train2017, annotations: annotations/instances_train2017.json}}
  val: {{images: val2017, annotations: annotations/instances_val2017.json}}
  resize: {{short: [64], test_short: 64, long: 96}}
  workers: 0
optim: {{lr: 0.001, base_batch_size: null}}
schedule: {{warmup_steps: 0}}
trainer: {{max_epochs: 1, log_every_steps: 1}}
""")
    return path


@pytest.fixture(scope="session")
def trained(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    """The folder of a short run, and what it printed."""
    folder = tmp_path_factory.mktemp("work")
    output = succeed("train_det", "--config", small_config, folder=folder)
    return RunFolder(folder / "runs" / "small-1"), output


@pytest.fixture(scope="session")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirteen made-up images with masks, in three splits."""
    return write_mask_set(tmp_path_factory.mktemp("data") / "masks")


@pytest.fixture(scope="session")
def small_seg_config(masks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow ResNet-18 with a pyramid from scratch, small enough for a test."""
    path = tmp_path_factory.mktemp("configs") / "small_seg.yaml"
    path.write_text(small_yaml(masks))
    return path


@pytest.fixture(scope="session")
def trained_seg(
    small_seg_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, str]:
    """The folder of a short run of segmentation, and what it printed."""
    folder = tmp_path_factory.mktemp("work")
    output = succeed("train_seg", "--config", small_seg_config, folder=folder)
    return RunFolder(folder / "runs" / "small_seg-1"), output
