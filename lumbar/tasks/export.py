"""From a model to a file that has been found to do the same; nothing else is written."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from lumbar.data.image_io import list_images
from lumbar.files import atomic_write
from lumbar.ops.structures import Images
from lumbar.tasks.export_check import Case, Comparison, make_cases, table
from lumbar.tasks.export_files import Format, open_exported, require_packages, write
from lumbar.tasks.export_graph import Exportable, Inputs, Run, trace
from lumbar.training.checkpoint import write_json
from lumbar.training.load import project_root

_log = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads images as a model wants them."""

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Decodes a file to (H, W, C)."""

    def prepare(self, image: NDArray[np.uint8]) -> Images:
        """Turns pixels (H, W, C) into a batch of one image."""


def find_cases(files: Sequence[str], reader: Reader, inputs: Inputs) -> list[Case]:
    """Reads what a file is to be compared on.

    Args:
        files: Images; without any, the examples of the checkout, or noise.
        reader: Of the model.
        inputs: What the file takes.

    Raises:
        ValueError: An image is missing or damaged.
    """
    pictures = _pictures(files, reader, inputs.channels)
    return [
        case
        for name, pixels in pictures
        for case in make_cases(name, pixels, reader.prepare, inputs.canvas)
    ]


def export_model(
    exportable: Exportable,
    output: Path,
    *,
    kind: Format,
    check: Callable[[Run], list[Comparison]],
    allowed: str,
) -> None:
    """Writes a model, if the file does what the model itself does; logs how far they are apart.

    Args:
        exportable: What of the model is written.
        output: The file; its description is written beside it, too, as `.json`.
        kind: Its format.
        check: Compares the file with the model.
        allowed: What differences are, for messages.

    Raises:
        ValueError: Packages are missing, or the results differ, in which case nothing is written.
    """
    require_packages(kind)
    with _step("trace"):
        program = trace(exportable)
    with atomic_write(output) as draft:
        with _step("write"):
            write(program, exportable, draft, kind=kind)
        with _step("compare"):
            comparisons = check(open_exported(draft, kind))
        _log.info("\n%s\n", table(comparisons))
        _require_equality(comparisons, output, allowed)
    write_json(output.with_name(f"{output.name}.json"), exportable.describe())
    _log.info("%s  %.1f MB", output, output.stat().st_size / 1e6)


def _pictures(
    files: Sequence[str], reader: Reader, channels: int
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Names and pixels."""
    paths = [Path(file) for file in files] or _examples()
    if paths:
        return [(path.name, reader.read(path)) for path in paths]
    _log.info("no images to compare on but noise, which shows little: name some with --image")
    noise = np.random.default_rng(0).integers(256, size=(480, 640, channels), dtype=np.uint8)
    return [("noise", noise)]


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


def _require_equality(comparisons: Sequence[Comparison], output: Path, allowed: str) -> None:
    for case, finding, *_ in comparisons:
        if finding.verdict == "DIFFERENT":
            raise ValueError(
                f"{output} is not written, for it does not find in {case.name} what the model finds "
                f"(allowed are {allowed})"
            )
    if not any(comparison.finding.weight for comparison in comparisons):
        _log.info("too little was found in these images to show much: name others with --image")
