"""A small split, random detections in it, and processes that score them together."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from detection.coco_eval import CocoAP
from lumbar.data.categories import Categories
from lumbar.data.records import Annotations, BoxTable, ImageTable, Records
from lumbar.data.samplers import EvalBatchSampler
from lumbar.ops.structures import Detections, Images

CATEGORIES = Categories(names=("cat", "dog"), ids=(17, 4))
PER_IMAGE = 5


def make_records(num_images: int) -> Records:
    """Images of 60 x 90 pixels and more, with five objects each, some of them crowds."""
    rng = np.random.default_rng(0)
    count = num_images * PER_IMAGE
    images = ImageTable(
        names=np.array([f"{number}.jpg" for number in range(num_images)]),
        ids=np.arange(num_images)[::-1] * 3 + 8,
        sizes=np.array([[60 + number, 90] for number in range(num_images)]),
    )
    objects = BoxTable(
        owners=np.repeat(np.arange(num_images), PER_IMAGE),
        boxes=np.concatenate((rng.uniform(0, 30, (count, 2)), rng.uniform(5, 30, (count, 2))), 1),
        labels=rng.integers(0, 2, count),
        crowd=rng.random(count) < 0.1,
        areas=np.full(count, np.nan),
    )
    annotations = Annotations.build(images, objects, categories=CATEGORIES, repairs={})
    return Records.whole(annotations, Path(), source="test")


def detect(records: Records, index: int) -> tuple[Detections, Images, torch.Tensor]:
    """A batch of one image at twice its size: its objects, moved a little, two others, and padding."""
    record = records[index]
    generator = torch.Generator().manual_seed(index)
    sizes = torch.tensor([record.size])
    noise = torch.randn(1, PER_IMAGE, 4, generator=generator)
    padding = torch.zeros(1, 2, 4)
    boxes = torch.cat([torch.from_numpy(record.boxes)[None] * 2 + noise, padding], 1).float()
    scores = torch.rand(1, PER_IMAGE + 2, generator=generator).mul(10).round().div(10)
    valid = torch.arange(PER_IMAGE + 2)[None] < PER_IMAGE
    labels = torch.cat([torch.from_numpy(record.labels), torch.full((2,), -1)])[None]
    images = Images(torch.zeros(1, 3, 8, 8), sizes * 2, sizes)
    return (
        Detections(boxes, scores * valid, labels, valid),
        images,
        torch.tensor([record.image_id]),
    )


def collect(records: Records, indices: list[int]) -> CocoAP:
    """What has been found in these images."""
    coco_ap = CocoAP(records)
    for index in indices:
        coco_ap.update(*detect(records, index))
    return coco_ap


def score_as_rank(rank: int, world: int, folder: Path, sizes: list[int]) -> None:
    """Scores splits of these many images with the other ranks, and writes the numbers as this rank has them."""
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=world)
    answers = []
    for num_images in sizes:
        shard = EvalBatchSampler([(64, 96)] * num_images, batch_size=2, rank=rank, world=world)
        coco_ap = collect(make_records(num_images), [index for b in shard for _, index in b])
        answers.append(coco_ap.compute().to_dict())
    (folder / f"{rank}.json").write_text(json.dumps(answers))
    dist.destroy_process_group()
