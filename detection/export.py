"""From a detector to a file that has been found to do the same; nothing else is written."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path

from detection.detector import Detector
from detection.export_check import BOX_TOLERANCE, SCORE_TOLERANCE, judge
from detection.export_graph import make_exportable
from lumbar.ops.structures import Detections, Images
from lumbar.tasks.export import export_model, find_cases
from lumbar.tasks.export_check import Comparison, compare_cases
from lumbar.tasks.export_files import Format
from lumbar.tasks.export_graph import Run


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
    exportable, model = make_exportable(detector), detector.model
    cases = find_cases(images, detector, exportable.inputs)

    def exact(images: Images) -> Detections:
        return deepcopy(model).double().predict(images)

    def check(run: Run) -> list[Comparison]:
        return compare_cases(
            cases,
            model.predict,
            lambda images: Detections(*run(images.canvas, images.sizes)),
            partial(judge, exact=exact, min_score=model.roi_heads.postprocess.score),
        )

    allowed = f"{BOX_TOLERANCE:g} px and {SCORE_TOLERANCE:g} of a score"
    export_model(exportable, output, kind=kind, check=check, allowed=allowed)
