"""COCO's average precision: of files, and of a detector while it runs on one process or many."""

import json
import logging
from collections import Counter
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

import lumbar
from detection.coco_columns import (
    NOTHING_FOUND,
    Found,
    Results,
    Truth,
    join,
    pack,
    to_columns,
    to_results,
)
from detection.coco_curves import Curves, compute_curves
from detection.coco_matching import box_overlaps, mask_overlaps
from detection.coco_truth import Kind, sanitise
from detection.postprocess import rescale
from lumbar.data.categories import Categories
from lumbar.data.records import Records
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
) -> CocoScores:
    """Scores results by COCO's rules (https://cocodataset.org/#detection-eval), as pycocotools does to 1e-12.

    Without any result, every number that has ground truth is 0.

    Args:
        truth: A COCO annotation file.
        results: A COCO results file: boxes `[x, y, w, h]` in pixels, or masks.
        kind: Compare boxes or masks.

    Raises:
        ValueError: Truth or results are malformed, as `sanitise` says.
    """
    return _score(*sanitise(truth, results, kind), kind)


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

    def compute(self) -> CocoScores:
        """Scores the detections of all processes together; all must call it, and get the same."""
        found = join(self._parts)
        if not (dist.is_available() and dist.is_initialized()):
            return self._score(found)
        first = dist.get_rank() == 0
        gathered: list[Any] | None = [None] * dist.get_world_size() if first else None
        with _by_cpu() as group:
            dist.gather_object(found, gathered, group=group)
            scores = [self._score(join(gathered)) if gathered else None]
            dist.broadcast_object_list(scores, src=0, group=group)
        assert scores[0] is not None
        return scores[0]

    def _score(self, found: Found) -> CocoScores:
        missing = len(self._records) - len(np.unique(found.image_ids))
        if missing:
            _log.warning(
                "%d of %d images were not looked at; their objects count as missed",
                missing,
                len(self._records),
            )
        return _score(*to_columns(found, self._records), "bbox")


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


def _score(truth: Truth, results: Results, kind: Kind) -> CocoScores:
    curves = compute_curves(truth, results, box_overlaps if kind == "bbox" else mask_overlaps)
    return CocoScores(
        kind=kind,
        summary=_summary(curves),
        per_class=_per_class(curves, truth.categories),
        evaluator={"name": "lumbar", "version": lumbar.__version__},
        num_images=truth.num_images,
    )


def _summary(curves: Curves) -> dict[str, float]:
    precision, recall = curves
    values = [precision[0], precision[0, 0], precision[0, 5], *precision[1:]]
    values += [*recall[0], *recall[1:, -1]]
    return {name: _mean(numbers) for name, numbers in zip(_MEANINGS, values, strict=True)}


def _per_class(curves: Curves, categories: Categories) -> dict[str, float | None]:
    """Names that several classes have get their ids added."""
    count = Counter(categories.names)
    names = [
        f"{name} ({key})" if count[name] > 1 else name
        for name, key in zip(categories.names, categories.ids, strict=True)
    ]
    aps = map(_mean, curves.precision[0].swapaxes(0, 1))
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
