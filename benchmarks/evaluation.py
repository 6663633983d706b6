"""Scores beside those who define them: COCO's AP and pycocotools, pixels and torchmetrics; and what validating adds.

The results are made up, of COCO's size: 5000 images, 36 thousand objects, 100 detections in each image. usage:

    python benchmarks/evaluation.py [--quick] [--rounds 2] [--output FOLDER]
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from benchmarks import photos
from benchmarks.coco_batches import as_batches, as_records
from benchmarks.coco_results import CocoFiles, make_results
from benchmarks.report import Report, Table, parse, publish
from benchmarks.timing import Times, pick_device, seconds, take_turns
from detection.build import make_detector
from detection.coco_columns import Results, Truth
from detection.coco_curves import compute_curves
from detection.coco_eval import CocoAP, score_coco
from detection.coco_matching import box_overlaps
from detection.coco_truth import sanitise
from detection.config import DetectionConfig, ModelConfig
from detection.data import make_datamodule
from detection.presets import PRESETS
from lumbar.data.datamodule import DataModule
from lumbar.data.pixel_classes import IGNORE
from lumbar.ops.structures import Batch
from lumbar.training.load import load_config
from segmentation.labels import TASKS

OURS = "lumbar"
TENSORS = "lumbar, from tensors"
"""As while it trains: the results are no rows of a file."""
CITYSCAPES = 19
COCO_GOAL = 50.0
VALIDATION_GOAL = 0.95
"""Predicting alone takes nearly all of the time of validating."""
_CPU = torch.device("cpu")


class Plan(NamedTuple):
    """How much is scored."""

    images: int
    """Of the made-up results."""
    height: int
    """Of the masks, which are twice as wide."""
    photographs: int
    """At most 24, which are validated."""
    short: int
    """Their shorter side."""
    proposals: int
    """Of each of them."""
    rounds: int


FULL = Plan(5000, 1024, 24, 320, 1000, 2)
QUICK = Plan(100, 256, 4, 64, 20, 1)


def by_pycocotools(files: CocoFiles) -> list[float]:
    """The twelve numbers as its users compute them."""
    truth = COCO()
    truth.dataset = files.truth
    with redirect_stdout(StringIO()):
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes(files.results), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return [float(number) for number in evaluator.stats]


def score_boxes(plan: Plan, rounds: int) -> dict[str, Any]:
    """Times pycocotools and ours on the same rows, and ours on the same results as tensors; compares the numbers."""
    files = make_results(plan.images)
    metric, batches = CocoAP(as_records(files)), as_batches(files)
    numbers: dict[str, list[float]] = {}

    def collect() -> None:
        metric.reset()
        for batch in batches:
            metric.update(*batch)

    def by_tensors() -> None:
        collect()
        numbers[TENSORS] = list(metric.compute().summary.values())

    # The rows of the tensors, whose boxes were clipped to their images; pycocotools adds keys to its own.
    collect()
    files = CocoFiles(files.truth, metric.results())
    theirs = iter([_copied(files) for _ in range(rounds)])

    def by_rows() -> None:
        numbers[OURS] = list(score_coco(*files, "bbox").summary.values())

    def by_them() -> None:
        numbers["pycocotools"] = by_pycocotools(next(theirs))

    rivals = {"pycocotools": by_them, OURS: by_rows, TENSORS: by_tensors}
    times = take_turns(rivals, _CPU, rounds, warm_up=0)
    columns: list[tuple[Truth, Results]] = []
    checked = seconds(lambda: columns.append(sanitise(*files, "bbox")), _CPU)
    matched = seconds(lambda: compute_curves(*columns[0], box_overlaps), _CPU)
    gaps = [abs(np.subtract(numbers[who], numbers["pycocotools"])) for who in (OURS, TENSORS)]
    return {
        "times": times,
        "difference": float(np.max(gaps)),
        "AP": numbers[OURS][0],
        "seconds": {"checking": checked, "matching": matched},
    }


def _copied(files: CocoFiles) -> CocoFiles:
    truth = {name: [dict(row) for row in rows] for name, rows in files.truth.items()}
    return CocoFiles(truth, [dict(row) for row in files.results])


def score_pixels(plan: Plan, rounds: int) -> dict[str, Any]:
    """Times the counts of one image of Cityscapes' size and classes, and compares them."""
    torch.manual_seed(0)
    size = (1, plan.height, 2 * plan.height)
    labels = torch.randint(CITYSCAPES, size, dtype=torch.uint8)
    predicted = torch.where(torch.rand(size) < 0.8, labels, 0)
    labels[:, : plan.height // 8] = IGNORE
    counters: dict[str, Callable[[], Tensor]] = {
        "torchmetrics": lambda: multiclass_confusion_matrix(
            predicted.long(), labels.long(), CITYSCAPES, ignore_index=IGNORE
        ).diagonal(),
        "numpy": lambda: torch.from_numpy(_bincount(predicted.numpy(), labels.numpy())),
        OURS: lambda: TASKS["multiclass"].count(predicted, labels, CITYSCAPES)[0, :, 0],
    }
    found = [count() for count in counters.values()]
    equal = all(torch.equal(found[0], other) for other in found)
    return {"times": take_turns(counters, _CPU, 5 * rounds), "equal": equal}


def _bincount(predicted: Any, labels: Any) -> Any:
    """The diagonal of a confusion matrix, (K,)."""
    valid = labels != IGNORE
    cells = labels[valid].astype(np.int64) * CITYSCAPES + predicted[valid]
    matrix = np.bincount(cells, minlength=CITYSCAPES**2).reshape(CITYSCAPES, CITYSCAPES)
    return matrix.diagonal().copy()


def photographs(settings: list[str]) -> DataModule:
    """The COCO images of the examples, as training and validation split, with these settings."""
    annotations = photos.FOLDER / "annotations" / "instances.json"
    places = [
        setting
        for split in ("train", "val")
        for setting in (
            f"data.{split}.images={photos.FOLDER / 'images'}",
            f"data.{split}.annotations={annotations}",
        )
    ]
    recipe = load_config(DetectionConfig, "faster_rcnn_r50", [*places, *settings], presets=PRESETS)
    return make_datamodule(recipe)


def validate(plan: Plan, rounds: int) -> dict[str, Times]:
    """Times predicting batches at hand, and a validation of the same images: loading, predicting, scoring."""
    device = pick_device()
    settings = [f"data.val.limit={plan.photographs}", f"data.resize.test_short={plan.short}"]
    data = photographs([*settings, "data.workers=1"])
    backbone = {"weights": "none", "norm": "batch", "freeze": ()}
    rpn = {"test_post_nms": plan.proposals}
    config = ModelConfig.model_validate({"backbone": backbone, "rpn": rpn})
    model = make_detector(config, len(data.categories)).to(device).eval()
    metric = CocoAP(data.records("val"))
    batches: list[Batch] = list(data.val_dataloader())

    def predict() -> None:
        for batch in batches:
            model.predict(_on(batch, device).images)

    def whole() -> None:
        metric.reset()
        for batch in begun:
            found = model.predict(_on(batch, device).images)
            metric.update(found, batch.images, batch.image_ids)
        metric.compute()

    times: dict[str, list[float]] = {"predicting": [], "validating": []}
    for number in range(rounds + 1):
        loader: Iterator[Batch] = iter(data.val_dataloader())
        # Workers start once in a run, and load the first batch while the last training step is done.
        begun = chain([next(loader)], loader)
        elapsed = {"predicting": seconds(predict, device), "validating": seconds(whole, device)}
        if number:
            for name, value in elapsed.items():
                times[name].append(value)
    return {name: Times.of(every) for name, every in times.items()}


def _on(batch: Batch, device: torch.device) -> Batch:
    images = type(batch.images)(*(part.to(device, non_blocking=True) for part in batch.images))
    return batch._replace(images=images)


def measure(*, quick: bool, rounds: int | None) -> Report:
    """Times boxes, pixels and a validation."""
    plan = QUICK if quick else FULL
    rounds = rounds or plan.rounds
    boxes, pixels = score_boxes(plan, rounds), score_pixels(plan, rounds)
    validation = validate(plan, rounds)
    rows = [
        [what, whose, f"{found.median:.4f}"]
        for what, times in (
            (f"AP of {plan.images} images", boxes["times"]),
            (f"counts of {plan.height} x {2 * plan.height} pixels", pixels["times"]),
            (f"{plan.photographs} photographs", validation),
        )
        for whose, found in times.items()
    ]
    rows += [["inside our AP", what, f"{found:.4f}"] for what, found in boxes["seconds"].items()]
    coco, counts = boxes["times"], pixels["times"]
    ratios = [
        coco[OURS].faster_than(coco["pycocotools"], "AP of a file beside pycocotools", COCO_GOAL),
        coco[TENSORS].faster_than(
            coco["pycocotools"], "AP of a validation beside pycocotools", COCO_GOAL
        ),
        counts[OURS].faster_than(counts["torchmetrics"], "pixel counts beside torchmetrics"),
        validation["validating"].faster_than(
            validation["predicting"], "predicting as a part of validating", VALIDATION_GOAL
        ),
    ]
    exact = [
        ["AP", f"{boxes['difference']:.1e}"],
        ["pixels", "equal" if pixels["equal"] else "NOT EQUAL"],
    ]
    tables = {
        "seconds": Table(["what", "whose", "seconds"], rows),
        "differences": Table(["number", "largest difference"], exact),
    }
    values = {"plan": plan, "boxes": boxes, "pixels": pixels, "validation": validation}
    return Report(values, tables, ratios)


def main() -> None:
    """Measures, prints, writes."""
    options = parse(__doc__)
    publish("evaluation", measure(quick=options.quick, rounds=options.rounds), options)


if __name__ == "__main__":
    main()
