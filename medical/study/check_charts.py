"""Charts and tables of what was measured: intensities, sizes, spacing, classes, lesions, cases."""

from collections.abc import Sequence
from itertools import compress

import numpy as np

from medical.pages.axes import Axis
from medical.pages.blocks import Block, Side
from medical.pages.charts import Dot, bars, histogram, scatter
from medical.pages.tables import Cell, Column, Table
from medical.study.cases import Study
from medical.study.facts import CaseFacts

_INNER = slice(2, -2)
"""Of PERCENTILES: 1 to 99."""
_BEYOND = 1.5
"""How far a chart goes beyond the 95th percentile of what it shows: a few scans may have another unit."""
_SPREAD = 20
"""How many medians the 95th percentile is, where equal factors are equally far apart."""


def intensity_charts(facts: Sequence[CaseFacts]) -> Side:
    """Histograms of the intensities of all pixels, and of those of foreground classes."""
    inside = [case.foreground_values for case in facts if case.foreground_values is not None]
    return Side(
        tuple(
            _intensities(chosen, title)
            for title, chosen in (
                ("Intensities of all pixels", [case.values for case in facts]),
                ("Intensities of labelled tissue", inside),
            )
            if chosen
        )
    )


def size_charts(facts: Sequence[CaseFacts]) -> Side:
    """Heights against widths, and where there are any, spacing and numbers of slices."""
    rows, columns = [case.shape[1] for case in facts], [case.shape[2] for case in facts]
    dots = [Dot(case.shape[2], case.shape[1], case.name) for case in facts]
    charts: list[Block] = [
        scatter(
            dots,
            title="Sizes of the images",
            x=Axis.around(columns, "width", unit="pixels"),
            y=Axis.around(rows, "height", unit="pixels"),
        )
    ]
    depths = [case.shape[0] for case in facts]
    if max(depths) > 1:
        charts.append(histogram(depths, title="Slices", axis="slices of a scan"))
    edges = [case.pixel[0] for case in facts if case.spacing]
    gaps = [case.spacing[0] for case in facts if case.spacing]
    for values, title in ((edges, "Width of a pixel"), (gaps, "Distance of slices")):
        if values and len({*values}) > 1:
            charts.append(histogram(values, title=title, axis="distance", unit="mm"))
    return Side(tuple(charts))


def class_charts(study: Study, facts: Sequence[CaseFacts]) -> Side:
    """Shares of the classes of all pixels, and how many cases have each."""
    totals = np.array([case.voxels for case in facts], dtype=np.float64)
    names = study.classes.names
    shares = 100 * totals.sum(0) / max(totals.sum(), 1)
    return Side(
        (
            bars(
                names,
                shares.tolist(),
                title="Classes by their pixels",
                axis="share of all pixels",
                unit="%",
                digits=2,
            ),
            bars(
                names,
                (totals > 0).sum(0).tolist(),
                title="Classes by their cases",
                axis="cases that have it",
            ),
        )
    )


def lesion_charts(study: Study, facts: Sequence[CaseFacts]) -> Side:
    """Sizes of the regions of each class: in pixels, and where there are any, in millimetres."""
    charts: list[Block] = []
    for label, name in enumerate(study.classes.names[1:]):
        pixels = [lesion.across for case in facts for lesion in case.lesions[label]]
        lengths = [
            lesion.across * (case.pixel[0] * case.pixel[1]) ** 0.5
            for case in facts
            if case.spacing
            for lesion in case.lesions[label]
        ]
        if pixels:
            charts.append(_sizes(pixels, name, "pixels"))
        # Of pixels of one millimetre both would be the same.
        if lengths and lengths != pixels:
            charts.append(_sizes(lengths, name, "mm"))
    return Side(tuple(charts))


def case_table(study: Study, facts: Sequence[CaseFacts]) -> Table:
    """A row for each case, in the order of the patients; columns that would say nothing are left out."""
    in_millimetres = any(case.spacing for case in facts)
    orientations = {case.orientation for case in facts}
    columns = {
        Column("case", help="path of the image, without its type"): True,
        Column("alias", help="what the report calls it"): True,
        Column("patient"): any(case.patient != case.name for case in facts),
        Column("size", help="slices, rows, columns"): True,
        Column("pixel", unit="mm", digits=2): in_millimetres,
        Column("slice", unit="mm", digits=2, help="distance of slices"): in_millimetres,
        Column("stored", help="where the axes of the file point to", filtered=True): len(
            orientations
        )
        > 1,
        Column("foreground", unit="%", digits=2): True,
        Column("regions", digits=0, help="of all foreground classes"): True,
        Column("largest", unit="px", digits=1, help="diameter of the largest region"): True,
    }
    rows = [tuple(compress(_row(case), columns.values())) for case in facts]
    return Table([*compress(columns, columns.values())], rows, counted="case")


def _intensities(chosen: Sequence[Sequence[float]], title: str) -> Block:
    values = np.array([own[_INNER] for own in chosen]).ravel()
    low, middle, high = np.percentile(values, (5, 50, 95)).tolist()
    # The unit of MR can differ from scan to scan by powers of ten.
    log = 0 < _SPREAD * middle < high
    margin = _BEYOND * (high - low)
    shown = values > 0 if log else (values >= low - margin) & (values <= high + margin)
    kept = values[shown]
    caption = "Each image counts as 99 hundredths, its percentiles, however large it is."
    if kept.size < values.size:
        caption += f" {1 - kept.size / values.size:.1%} lie farther out and are not shown."
    return histogram(
        kept, title=title, axis="intensity", counted="hundredth", log=log, caption=caption
    )


def _sizes(values: Sequence[float], name: str, unit: str) -> Block:
    return histogram(
        values, title=f"Size of {name}", axis="diameter in the plane", unit=unit, counted="region"
    )


def _row(case: CaseFacts) -> list[Cell]:
    depth, height, width = case.shape
    size = f"{height} x {width}" if depth == 1 else f"{depth} x {height} x {width}"
    regions = [lesion.across for own in case.lesions for lesion in own]
    return [
        Cell(case.name),
        Cell(case.alias),
        Cell(case.patient),
        Cell(float(depth * height * width), size),
        Cell(case.spacing[1] if case.spacing else None),
        Cell(case.spacing[0] if case.spacing else None),
        Cell(case.orientation),
        Cell(100 * case.foreground / max(sum(case.voxels), 1)),
        Cell(float(len(regions))),
        Cell(max(regions, default=None)),
    ]
