"""From a classifier to a file that has been found to do the same; nothing else is written."""

from collections.abc import Sequence
from pathlib import Path

from classification.classifier import Classifier
from classification.export_check import TOLERANCE, judge
from classification.export_graph import make_exportable
from classification.network import Classification
from lumbar.tasks.export import export_model, find_cases
from lumbar.tasks.export_check import Comparison, compare_cases
from lumbar.tasks.export_files import Format
from lumbar.tasks.export_graph import Run


def export_classifier(
    classifier: Classifier, output: Path, *, kind: Format, images: Sequence[str] = ()
) -> None:
    """Exports a classifier, if the file says what the classifier itself says; logs the differences.

    Args:
        classifier: On the CPU.
        output: The file; its description is written beside it, too, as `.json`.
        kind: Its format.
        images: Files to compare on; without any, the examples of the checkout, or noise.

    Raises:
        ValueError: Images or packages are missing, or the results differ, in which case nothing is written.
    """
    exportable = make_exportable(classifier)
    cases = find_cases(images, classifier, exportable.inputs)

    def check(run: Run) -> list[Comparison]:
        return compare_cases(
            cases,
            classifier.model.predict,
            lambda images: Classification(*run(images.canvas, images.sizes)),
            lambda _images, expected, found: judge(expected, found),
        )

    allowed = f"{TOLERANCE:g} of a score, and labels that are as likely"
    export_model(exportable, output, kind=kind, check=check, allowed=allowed)
