"""Does an exported classifier say what the classifier itself says?

Scores may differ by `TOLERANCE`. A label may differ only in a tie: where, to the classifier itself, the other class has
a score that is less by no more than twice that, as either side may be off.
"""

from classification.network import Classification
from lumbar.tasks.export_check import Finding

TOLERANCE = 1e-4
"""Of a score."""


def judge(expected: Classification, found: Classification) -> Finding:
    """Says whether the differences of an exported classifier are within the tolerance.

    Args:
        expected: What the classifier itself says of (B, C, H, W) images.
        found: What the file says of them.
    """
    away = (expected.scores - found.scores).abs().max().item()
    chosen = expected.scores.gather(1, found.labels[:, None])[:, 0]
    lead = expected.scores.amax(1) - chosen
    others = int((lead > 2 * TOLERANCE).sum())
    cells = {
        "scores": f"{away:.1e}",
        "labels": f"{others} differ" if others else "same",
        "ties": str(int((found.labels != expected.labels).sum()) - others),
    }
    equal = away <= TOLERANCE and not others
    return Finding(len(expected.labels), cells, "equal" if equal else "DIFFERENT")
