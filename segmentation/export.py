"""From a segmenter to a file that has been found to do the same; nothing else is written."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lumbar.tasks.export import export_model, find_cases
from lumbar.tasks.export_check import Comparison, compare_cases
from lumbar.tasks.export_files import Format
from lumbar.tasks.export_graph import Run
from segmentation.export_check import TOLERANCE, judge
from segmentation.export_graph import Answers, answer, make_exportable
from segmentation.segmenter import Segmenter


def export_segmenter(
    segmenter: Segmenter, output: Path, *, kind: Format, images: Sequence[str] = ()
) -> None:
    """Exports a segmenter, if the file says what the segmenter itself says of whole images; logs the differences.

    Args:
        segmenter: On the CPU.
        output: The file; its description is written beside it, too, as `.json`.
        kind: Its format.
        images: Files to compare on; without any, the examples of the checkout, or noise.

    Raises:
        ValueError: Images or packages are missing, or the results differ, in which case nothing is written.
    """
    exportable = make_exportable(segmenter)
    cases = find_cases(images, segmenter, exportable.inputs)

    def check(run: Run) -> list[Comparison]:
        return compare_cases(
            cases,
            partial(answer, segmenter.model),
            lambda images: Answers(*run(images.canvas, images.sizes)),
            lambda _images, expected, found: judge(expected, found),
        )

    allowed = f"{TOLERANCE:g} of a probability, and labels that are as likely"
    export_model(exportable, output, kind=kind, check=check, allowed=allowed)
