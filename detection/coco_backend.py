"""The evaluators that can compute COCO's precision and recall; they agree to 1e-12, so speed decides which one does."""

import logging
from contextlib import redirect_stdout, suppress
from importlib.metadata import version
from io import StringIO
from pkgutil import resolve_name
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.coco_truth import Dataset, Kind

Backend = Literal["auto", "hotcoco", "faster-coco-eval", "pycocotools"]
"""Distribution that evaluates; `auto` takes the first of the others that is installed."""

# The class that holds a dataset, and the one that evaluates; fastest first.
_CLASSES = {
    "hotcoco": ("hotcoco:COCO", "hotcoco:COCOeval"),
    "faster-coco-eval": ("faster_coco_eval:COCO", "faster_coco_eval:COCOeval_faster"),
    "pycocotools": ("pycocotools.coco:COCO", "pycocotools.cocoeval:COCOeval"),
}

# It logs each stage as information, where the others print.
logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)


class Curves(NamedTuple):
    """COCO's numbers before any mean; -1 where there is no ground truth.

    The axes are IoU .50:.95, recall 0:1 in steps of .01, class, object size (all, small, medium, large), and number of
    detections in an image (1, 10, 100).
    """

    precision: NDArray[np.float64]
    """(10, 101, K, 4, 3)."""
    recall: NDArray[np.float64]
    """(10, K, 4, 3)."""
    evaluator: str
    version: str


def evaluate(truth: Dataset, results: Dataset, kind: Kind, backend: Backend = "auto") -> Curves:
    """Matches results with ground truth by COCO's rules.

    Args:
        truth: From `sanitise`; evaluators may change it.
        results: The same.
        kind: Compare boxes or masks.
        backend: Who evaluates.

    Raises:
        ValueError: The evaluator is not installed.
    """
    name, dataset_class, evaluator_class = _load(backend)
    with redirect_stdout(StringIO()):
        evaluator = evaluator_class(
            _indexed(dataset_class, truth), _indexed(dataset_class, results), kind
        )
        evaluator.evaluate()
        evaluator.accumulate()
    curves = evaluator.eval
    return Curves(
        np.asarray(curves["precision"]), np.asarray(curves["recall"]), name, version(name)
    )


def _load(backend: Backend) -> tuple[str, Any, Any]:
    for name, (dataset_class, evaluator_class) in _CLASSES.items():
        if backend in ("auto", name):
            with suppress(ImportError):
                return name, resolve_name(dataset_class), resolve_name(evaluator_class)
    wanted = "pycocotools" if backend == "auto" else backend
    raise ValueError(f"the evaluator {wanted} is not installed: pip install {wanted}")


def _indexed(dataset_class: Any, dataset: Dataset) -> Any:
    indexed = dataset_class()
    indexed.dataset = dataset
    indexed.createIndex()
    return indexed
