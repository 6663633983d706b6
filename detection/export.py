"""From a detector to a file that has been found to do the same; nothing else is written."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from detection.detector import Detector
from detection.export_check import (
    BOX_TOLERANCE,
    SCORE_TOLERANCE,
    Case,
    Comparison,
    Rivals,
    run_cases,
    table,
)
from detection.export_graph import Format, canvas_rule, describe, open_exported, trace, write
from lumbar.data.image_io import list_images
from lumbar.files import atomic_write
from lumbar.ops.structures import Detections, Images
from lumbar.training.checkpoint import write_json
from lumbar.training.load import project_root

_log = logging.getLogger(__name__)


def export_detector(
    detector: Detector, output: Path, *, kind: Format, images: Sequence[str] = ()
) -> None:
    """Exports a detector, if the file finds what the detector itself finds; logs how far they are apart.

    Args:
        detector: On the CPU.
        output: The file; its description is written beside it, too, as `.json`.
        kind: Its format.
        images: Files to compare on; without any, the examples of the checkout, or noise.

    Raises:
        ValueError: Images or packages are missing, or the results differ, in which case nothing is written.
    """
    if kind == "onnx":
        _require_onnx()
    pictures = _pictures(images, detector)
    about = describe(detector)
    with _step("trace"):
        program = trace(detector)
    with atomic_write(output) as draft:
        with _step("write"):
            write(program, draft, kind=kind, about=json.dumps(about))
        with _step("compare"):
            comparisons = _compare(detector, draft, kind, pictures)
        _log.info("\n%s\n", table(comparisons))
        _require_equality(comparisons, output)
    write_json(output.with_name(f"{output.name}.json"), about)
    _log.info("%s  %.1f MB", output, output.stat().st_size / 1e6)


def _require_onnx() -> None:
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"ONNX needs {', '.join(missing)}: pip install 'lumbar[export]', or write a .pt2"
        )


def _pictures(files: Sequence[str], detector: Detector) -> list[tuple[str, NDArray[np.uint8]]]:
    """Names and pixels of what the results are compared on."""
    paths = [Path(file) for file in files] or _examples()
    if paths:
        return [(path.name, detector.read(path)) for path in paths]
    _log.info("no images to compare on but noise, which shows little: name some with --image")
    shape = (480, 640, len(detector.model.pixels.mean))
    return [("noise", np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8))]


def _examples() -> list[Path]:
    """One image of each data set that comes with a checkout."""
    folders = sorted(project_root().glob("examples/*/images"))
    return [folder / list_images(folder)[0] for folder in folders]


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Shows on a terminal that something is under way, and logs how long it took."""
    start = perf_counter()
    with Console(stderr=True).status(f"{name}: may take minutes"):
        yield
    _log.info("%-8s %5.1f s", name, perf_counter() - start)


def _compare(
    detector: Detector, path: Path, kind: Format, pictures: Sequence[tuple[str, NDArray[np.uint8]]]
) -> list[Comparison]:
    def exact(images: Images) -> Detections:
        return deepcopy(detector.model).double().predict(images)

    rivals = Rivals(
        eager=detector.model.predict,
        exported=open_exported(path, kind),
        exact=exact,
        min_score=detector.model.roi_heads.postprocess.score,
    )
    return run_cases([case for picture in pictures for case in _cases(*picture, detector)], rivals)


def _cases(name: str, pixels: NDArray[np.uint8], detector: Detector) -> Iterator[Case]:
    """An image on its own canvas; then with its mirror image as a batch, on a larger one."""
    rule = canvas_rule(detector)
    image, mirrored = detector.prepare(pixels), detector.prepare(pixels[:, ::-1])
    pair = Images(*(torch.cat(fields) for fields in zip(image, mirrored, strict=True)))
    yield Case(name, rule.fit(image))
    yield Case(name, rule.fit(pair, extra=1))


def _require_equality(comparisons: Sequence[Comparison], output: Path) -> None:
    for comparison in comparisons:
        if comparison.verdict == "DIFFERENT":
            raise ValueError(
                f"{output} is not written, for it does not find in {comparison.case.name} what the detector finds "
                f"(allowed are {BOX_TOLERANCE:g} px and {SCORE_TOLERANCE:g} of a score)"
            )
    if not any(comparison.difference.objects for comparison in comparisons):
        _log.info("nothing was found in these images, which shows little: name others with --image")
