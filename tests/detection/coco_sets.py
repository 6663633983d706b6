"""Ground truth and results for the tests of AP, and what pycocotools says of them."""

import json
from contextlib import redirect_stdout
from copy import deepcopy
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detection.coco_truth import Kind

HEIGHT, WIDTH = 240, 320
NUM_IMAGES = 10
CATEGORY_IDS = (7, 2, 90)
"""The last one has results, but no ground truth."""


class Oracle(NamedTuple):
    """What pycocotools computes."""

    stats: list[float]
    per_class: list[float]
    precision: NDArray[np.float64]
    """(10, 101, K, 4, 3)."""
    recall: NDArray[np.float64]
    """(10, K, 4, 3)."""


@cache
def made_up(kind: Kind) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Crowds, tied scores, areas unlike the boxes', empty images, and 150 results of one class in one image."""
    rng = np.random.default_rng(0)
    truth: dict[str, Any] = {
        "images": [{"id": 5 * n + 3, "height": HEIGHT, "width": WIDTH} for n in range(NUM_IMAGES)],
        "categories": [{"id": key, "name": f"class {key}"} for key in CATEGORY_IDS],
        "annotations": [],
    }
    results = []
    for image in truth["images"][:-2]:
        boxes = _boxes(rng, 8)
        for box in boxes:
            place = {"image_id": image["id"], "category_id": int(rng.choice(CATEGORY_IDS[:2]))}
            area = box[2] * box[3] * rng.uniform(0.4, 1)
            crowd = int(rng.random() < 0.15)
            truth["annotations"].append(
                place | _shape(box, kind) | {"area": area, "iscrowd": crowd}
            )
            results += [place | _result(near, kind, rng) for near in _near(rng, box)]
    first, last = (
        {"image_id": truth["images"][n]["id"], "category_id": CATEGORY_IDS[0]} for n in (0, -1)
    )
    results += [first | _result(box, kind, rng) for box in _boxes(rng, 150)]
    results += [last | {"category_id": 90} | _result(box, kind, rng) for box in _boxes(rng, 3)]
    for number, annotation in enumerate(truth["annotations"], start=1):
        annotation["id"] = number
    return truth, results


@cache
def real(folder: Path, kind: Kind) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A hundred images of COCO, and the results that its authors made up for them."""
    truth = json.loads((folder / "instances_val2014_100.json").read_text())
    results = json.loads((folder / f"instances_val2014_fake{kind}100_results.json").read_text())
    return truth, results


def by_pycocotools(truth: dict[str, Any], results: list[dict[str, Any]], kind: Kind) -> Oracle:
    """Twelve numbers, and AP by category in the order of ids, -1 without ground truth."""
    with redirect_stdout(StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = deepcopy(truth)
        ground_truth.createIndex()
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(deepcopy(results)), kind)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    columns = np.moveaxis(evaluator.eval["precision"][:, :, :, 0, 2], 2, 0)
    per_class = [float(p[p > -1].mean()) if (p > -1).any() else -1.0 for p in columns]
    curves = evaluator.eval
    return Oracle(evaluator.stats.tolist(), per_class, curves["precision"], curves["recall"])


def _boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    corners = rng.uniform(0, (WIDTH / 2, HEIGHT / 2), (count, 2))
    sides = rng.uniform(0, 4, (count, 2)) + rng.choice([8, 50, 115], (count, 1))
    return np.concatenate((corners, sides), axis=1).round(2)


def _near(rng: np.random.Generator, box: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    shifts = rng.normal(0, 0.08, (rng.integers(0, 4), 4)) * box[[2, 3, 2, 3]]
    return [np.maximum(box + shift, 0.5) for shift in shifts]


def _result(box: NDArray[np.float64], kind: Kind, rng: np.random.Generator) -> dict[str, Any]:
    shape = _shape(box, kind)
    if kind == "segm":
        [runs] = mask_api.frPyObjects(shape["segmentation"], HEIGHT, WIDTH)
        shape["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": runs["counts"].decode()}
    return shape | {"score": round(float(rng.random()), 1)}


def _shape(box: NDArray[np.float64], kind: Kind) -> dict[str, Any]:
    x, y, w, h = box.tolist()
    if kind == "bbox":
        return {"bbox": [x, y, w, h]}
    return {"segmentation": [[x, y, x + w, y + h / 9, x + w * 0.8, y + h, x + w / 9, y + h]]}
