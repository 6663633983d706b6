"""COCO's average precision: of files, and of a detector while it runs on one process or many."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from detection.coco_backend import Backend, Curves, evaluate
from detection.coco_columns import NOTHING_FOUND, Found, join, pack, to_results
from detection.coco_truth import Kind, sanitise
from detection.postprocess import rescale
from lumbar.data.records import Record, Records
from lumbar.ops.structures import Detections, Images

_log = logging.getLogger(__name__)

_MEANINGS = {
    "AP": "average precision, mean over IoU 0.50 to 0.95",
    "AP50": "average precision at IoU 0.50",
    "AP75": "average precision at IoU 0.75",
    "APs": "AP of objects below 32 x 32 pixels",
    "APm": "AP of objects between",
    "APl": "AP of objects above 96 x 96 pixels",
    "AR1": "average recall with 1 detection per image and class",
    "AR10": "average recall with 10",
    "AR100": "average recall with 100",
    "ARs": "AR100 of objects below 32 x 32 pixels",
    "ARm": "AR100 of objects between",
    "ARl": "AR100 of objects above 96 x 96 pixels",
}
_CLASS_COLUMNS = 3


@dataclass(frozen=True, kw_only=True)
class CocoScores:
    """COCO's numbers, from 0 to 1; -1 where the ground truth has no object of that size."""

    kind: Kind
    summary: Mapping[str, float]
    """The twelve numbers AP, AP50, ..., ARl."""
    per_class: Mapping[str, float | None]
    """AP by class name, the mean of precision over IoU and recall; None without ground truth."""
    evaluator: Mapping[str, str]
    """Its name and version."""
    num_images: int

    def to_dict(self) -> dict[str, Any]:
        """Returns what results.json holds; the twelve numbers under `bbox` or `segm`."""
        return {
            self.kind: dict(self.summary),
            "per_class": dict(self.per_class),
            "evaluator": dict(self.evaluator),
            "num_images": self.num_images,
        }

    def table(self) -> str:
        """Renders all numbers for a terminal."""
        by = " ".join(self.evaluator.values())
        what = {"bbox": "boxes", "segm": "masks"}[self.kind]
        lines = [f"{what} of {self.num_images} images, evaluated by {by}"]
        lines += [f"{name:6}{_shown(self.summary[name])}  {_MEANINGS[name]}" for name in _MEANINGS]
        lines += ["AP of each class", *_columns(self.per_class)]
        if -1 in self.summary.values() or None in self.per_class.values():
            lines.append("-1: no such object in the ground truth")
        return "\n".join(lines)


def score_coco(
    truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    kind: Kind,
    *,
    backend: Backend = "auto",
) -> CocoScores:
    """Scores results by COCO's rules (https://cocodataset.org/#detection-eval), as pycocotools does to 1e-12.

    Without any result, every number that has ground truth is 0.

    Args:
        truth: A COCO annotation file.
        results: A COCO results file: boxes `[x, y, w, h]` in pixels, or masks.
        kind: Compare boxes or masks.
        backend: Who computes; the numbers are the same.

    Raises:
        ValueError: Truth or results are malformed, as `sanitise` says, or the evaluator is not installed.
    """
    clean = sanitise(truth, results, kind)
    curves = evaluate(clean.truth, clean.results, kind, backend)
    return CocoScores(
        kind=kind,
        summary=_summary(curves),
        per_class=_per_class(curves, clean.class_names),
        evaluator={"name": curves.evaluator, "version": curves.version},
        num_images=len(clean.truth["images"]),
    )


def load_truth(path: Path) -> dict[str, Any]:
    """Reads a COCO annotation file.

    Raises:
        ValueError: It cannot be read, or is not an object of lists.
    """
    truth = _load_json(path)
    if not isinstance(truth, dict) or not {"images", "annotations", "categories"} <= truth.keys():
        raise ValueError(
            f'{path} is not a COCO annotation file: that is an object with the lists "images", "annotations" '
            'and "categories"'
        )
    return truth


def load_results(path: Path) -> list[dict[str, Any]]:
    """Reads a COCO results file.

    Raises:
        ValueError: It cannot be read, or is not a list of objects.
    """
    results = _load_json(path)
    if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
        raise ValueError(
            f'{path} is not a COCO results file: that is a list [{{"image_id", "category_id", "score", "bbox" or '
            '"segmentation"}, ...]'
        )
    return results


class CocoAP:
    """Collects the detections of a split, and scores them: on many processes exactly as on one."""

    def __init__(self, records: Records) -> None:
        """Keeps the ground truth.

        Args:
            records: All images of the split; those that never come count as images without detections.
        """
        self._records = records
        self.reset()

    def reset(self) -> None:
        """Forgets all detections."""
        self._parts = [NOTHING_FOUND]

    def update(self, detections: Detections, images: Images, image_ids: Tensor) -> None:
        """Adds the detections of a batch.

        Args:
            detections: (B, D), pixels of the canvas.
            images: The same B images.
            image_ids: (B,) int64 ids of the annotation file.
        """
        self._parts.append(pack(rescale(detections, images), image_ids))

    def results(self) -> list[dict[str, Any]]:
        """Returns this process's detections as the rows of a COCO results file, by image id."""
        return to_results(join(self._parts), self._records.categories)

    def compute(self, *, backend: Backend = "auto") -> CocoScores:
        """Scores the detections of all processes together; all must call it, and get the same.

        Args:
            backend: Who computes; the numbers are the same.
        """
        found = join(self._parts)
        if not (dist.is_available() and dist.is_initialized()):
            return self._score(found, backend)
        first = dist.get_rank() == 0
        gathered: list[Any] | None = [None] * dist.get_world_size() if first else None
        with _by_cpu() as group:
            dist.gather_object(found, gathered, group=group)
            scores = [self._score(join(gathered), backend) if gathered else None]
            dist.broadcast_object_list(scores, src=0, group=group)
        assert scores[0] is not None
        return scores[0]

    def _score(self, found: Found, backend: Backend) -> CocoScores:
        missing = len(self._records) - len(np.unique(found.image_ids))
        if missing:
            _log.warning(
                "%d of %d images were not looked at; their objects count as missed",
                missing,
                len(self._records),
            )
        results = to_results(found, self._records.categories)
        return score_coco(_to_truth(self._records), results, "bbox", backend=backend)


@contextmanager
def _by_cpu() -> Iterator[dist.ProcessGroup | None]:
    """All processes through CPU memory, where objects travel, whatever gradients travel by; None is the group of all.

    Nothing is kept: a group that outlives its run may abort the process at its end.
    """
    if dist.get_backend() == "gloo":
        yield None
        return
    group = dist.new_group(backend="gloo")
    assert isinstance(group, dist.ProcessGroup)
    try:
        yield group
    finally:
        dist.destroy_process_group(group)


def _summary(curves: Curves) -> dict[str, float]:
    precision, recall = curves.precision, curves.recall
    overall = precision[..., 0, 2]
    values = [overall, overall[0], overall[5]]
    values += [precision[..., size, 2] for size in (1, 2, 3)]
    values += [recall[..., 0, detections] for detections in (0, 1, 2)]
    values += [recall[..., size, 2] for size in (1, 2, 3)]
    return {name: _mean(numbers) for name, numbers in zip(_MEANINGS, values, strict=True)}


def _per_class(curves: Curves, names: Sequence[str]) -> dict[str, float | None]:
    aps = [_mean(curves.precision[:, :, place, 0, 2]) for place in range(len(names))]
    return {name: None if ap < 0 else ap for name, ap in zip(names, aps, strict=True)}


def _mean(values: NDArray[np.float64]) -> float:
    present = values[values > -1]
    return float(present.mean()) if present.size else -1.0


def _shown(value: float | None) -> str:
    return "   -1" if value is None or value == -1 else f"{value:.3f}"


def _columns(per_class: Mapping[str, float | None]) -> list[str]:
    """Names and numbers in columns, read downwards."""
    width = max(map(len, per_class), default=0)
    cells = [f"{name:{width}} {_shown(ap)}" for name, ap in per_class.items()]
    rows = -(-len(cells) // _CLASS_COLUMNS)
    columns = [cells[start : start + rows] for start in range(0, len(cells), rows or 1)]
    return ["   ".join(line).rstrip() for line in zip_longest(*columns, fillvalue="")]


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ValueError(f"no such file: {path.absolute()}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} cannot be read as JSON: {error}; is the file complete?"
        ) from error


def _to_truth(records: Records) -> dict[str, list[dict[str, Any]]]:
    """The records as a COCO annotation file, with boxes as they were annotated."""
    categories = records.categories
    return {
        "images": [{"id": image_id} for image_id in records.image_ids.tolist()],
        "categories": [
            {"id": category_id, "name": name}
            for category_id, name in zip(categories.ids, categories.names, strict=True)
        ],
        "annotations": [row for record in records for row in _truth_of(record, categories.ids)],
    }


def _truth_of(record: Record, category_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    columns = (record.labels, record.raw_boxes, record.areas, record.crowd)
    for label, box, area, crowd in zip(*(c.tolist() for c in columns), strict=True):
        yield {
            "image_id": record.image_id,
            "category_id": category_ids[label],
            "bbox": box,
            "area": area,
            "iscrowd": crowd,
        }
