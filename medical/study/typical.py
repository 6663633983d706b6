"""What most cases of a study are like: the intensities of labelled tissue, spacing, sizes."""

from collections.abc import Sequence
from statistics import median

from medical.study.facts import PERCENTILES, CaseFacts

PERCENT = (0.5, 99.5)
"""Between which nearly all intensities lie."""


def labelled_range(facts: Sequence[CaseFacts]) -> tuple[float, float] | None:
    """The intensities between which nearly all labelled tissue lies: the median case's 0.5 and 99.5 percentiles.

    Returns:
        The two, None where no case has any.
    """
    own = [case.foreground_values for case in facts if case.foreground_values is not None]
    if not own:
        return None
    low, high = (PERCENTILES.index(percent) for percent in PERCENT)
    return median(case[low] for case in own), median(case[high] for case in own)


def typical_spacing(facts: Sequence[CaseFacts]) -> float | None:
    """The median over the cases of the pixels' edge in millimetres, None for pictures."""
    edges = [(case.pixel[0] * case.pixel[1]) ** 0.5 for case in facts if case.spacing]
    return float(f"{median(edges):.3g}") if edges else None


def typical_across(facts: Sequence[CaseFacts], spacing: float | None) -> dict[int, float]:
    """The median diameter in the plane of the regions of each foreground class 1..K-1 that has any, in pixels.

    Args:
        facts: Of the cases.
        spacing: Millimetres of the pixels, None for each scan's own.
    """
    found: dict[int, list[float]] = {}
    for case in facts:
        for label, own in enumerate(case.diameters(spacing), start=1):
            found.setdefault(label, []).extend(own)
    return {label: median(own) for label, own in found.items() if own}


def in_plane(case: CaseFacts, spacing: float | None) -> tuple[float, float]:
    """Height and width of the slices of a case, in pixels of so many millimetres, or in its own."""
    _, height, width = case.shape
    if spacing is None or case.spacing is None:
        return float(height), float(width)
    return height * case.pixel[0] / spacing, width * case.pixel[1] / spacing


def share_where_any(facts: Sequence[CaseFacts]) -> float:
    """Foreground as a share of the slices that have some; 0 where none has."""
    area = sum(case.slices_with_foreground * case.shape[1] * case.shape[2] for case in facts)
    return sum(case.foreground for case in facts) / max(area, 1)
