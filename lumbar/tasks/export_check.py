"""Does an exported file do what its model does? Images to compare on, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from lumbar.ops.structures import Images
from lumbar.tasks.export_graph import CanvasRule, FixedCanvas, Prepare

R = TypeVar("R")
"""What a model says of a batch."""

Verdict = Literal["equal", "rounding", "DIFFERENT"]
"""rounding: beyond the tolerances, but as close to the truth as the model itself."""


class Case(NamedTuple):
    """A batch to compare on."""

    name: str
    images: Images


class Finding(NamedTuple):
    """How far two results for the same batch are apart."""

    weight: int
    """How much there was to compare: 0 where two models could hardly disagree."""
    cells: Mapping[str, str]
    """The differences by the titles of their columns."""
    verdict: Verdict


class Comparison(NamedTuple):
    """What came of a case."""

    case: Case
    finding: Finding
    seconds: float
    """Of the model itself, for each image."""
    exported_seconds: float
    """Of the file."""


def make_cases(
    name: str, pixels: NDArray[np.uint8], prepare: Prepare, rule: CanvasRule | FixedCanvas
) -> Iterator[Case]:
    """Yields an image on its own canvas; then with its mirror image as a batch, on a larger one."""
    image, mirrored = prepare(pixels), prepare(pixels[:, ::-1])
    pair = Images(*(torch.cat(fields) for fields in zip(image, mirrored, strict=True)))
    yield Case(name, rule.fit(image))
    yield Case(name, rule.fit(pair, extra=1))


def compare_cases(
    cases: Sequence[Case],
    eager: Callable[[Images], R],
    exported: Callable[[Images], R],
    judge: Callable[[Images, R, R], Finding],
) -> list[Comparison]:
    """Compares on each case; the first one is computed once more before, so that no time is that of a cold start.

    Args:
        cases: Batches, at least one.
        eager: The model itself.
        exported: What was made of it.
        judge: Says of a batch how far the results of the two, in this order, are apart.
    """
    eager(cases[0].images)
    exported(cases[0].images)
    return [_compare(case, eager, exported, judge) for case in cases]


def _compare(
    case: Case,
    eager: Callable[[Images], R],
    exported: Callable[[Images], R],
    judge: Callable[[Images, R, R], Finding],
) -> Comparison:
    start = perf_counter()
    expected = eager(case.images)
    middle = perf_counter()
    found = exported(case.images)
    end = perf_counter()
    finding, count = judge(case.images, expected, found), len(case.images.sizes)
    return Comparison(case, finding, (middle - start) / count, (end - middle) / count)


def table(comparisons: Sequence[Comparison]) -> str:
    """The comparisons as text, one line each, and the medians of their times."""
    titles = comparisons[0].finding.cells
    seconds = median(each.seconds for each in comparisons)
    exported_seconds = median(each.exported_seconds for each in comparisons)
    rows = [
        ("image", "canvas", *titles, "", "eager s", "exported s"),
        *map(_cells, comparisons),
        (
            "median of an image",
            *[""] * (len(titles) + 2),
            f"{seconds:.3f}",
            f"{exported_seconds:.3f}",
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _cells(comparison: Comparison) -> tuple[str, ...]:
    case, finding, seconds, exported_seconds = comparison
    batch, _, height, width = case.images.canvas.shape
    canvas = f"{batch} x {height} x {width}"
    times = (f"{seconds:.3f}", f"{exported_seconds:.3f}")
    return (case.name, canvas, *finding.cells.values(), finding.verdict, *times)
