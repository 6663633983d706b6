"""Pictures of cases: a dozen with their masks, and duplicates side by side."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumbar.data.pixel_classes import IGNORE
from medical.pages.blocks import Block, Card, Side
from medical.pages.overlays import class_legend, class_overlay, plain
from medical.pages.pictures import RGB, as_rgb, picture
from medical.scans.preprocess import Preprocess
from medical.scans.read import read_volume
from medical.study.cases import Case, Study
from medical.study.duplicates import Duplicate
from medical.study.truth import read_truth

_SHOWN = 12
_EDGE = 320


class _Slice(NamedTuple):
    """One slice of a case, ready to be shown."""

    image: RGB
    labels: NDArray[np.uint8]
    spacing: tuple[float, float]
    place: str
    """Which one of how many."""


def contact_sheet(study: Study, cases: Sequence[Case], preprocess: Preprocess) -> list[Block]:
    """Up to a dozen cases, evenly taken from all, each at its slice with the most foreground, in the classes' colours.

    Args:
        study: Says what the classes are.
        cases: All that can be read.
        preprocess: How intensities are shown, and in which plane.
    """
    pictures = [
        _overlay(study, case, preprocess) for case in cases[:: max(1, -(-len(cases) // _SHOWN))]
    ]
    legend = class_legend(study.classes.names, study.classes.colours)
    return [legend, Side(tuple(pictures), "medium")]


def duplicate_cards(study: Study, duplicates: Sequence[Duplicate], preprocess: Preprocess) -> Side:
    """The first dozen pairs of cases that show the same, side by side."""
    cases = {case.alias: case for case in study.cases}
    return Side(tuple(_card(cases, pair, preprocess) for pair in duplicates[:_SHOWN]))


def _overlay(study: Study, case: Case, preprocess: Preprocess) -> Block:
    shown = _busiest(study, case, preprocess)
    drawn = class_overlay(
        shown.image, shown.labels, study.classes.colours, spacing=shown.spacing, edge=_EDGE
    )
    caption = f"{case.name}{shown.place}"
    return picture(drawn, f"{caption} with its mask", caption=caption)


def _busiest(study: Study, case: Case, preprocess: Preprocess) -> _Slice:
    volume = read_volume(case.images, plane=preprocess.plane)
    labels = read_truth(case, volume, study.classes)
    amounts = ((labels > 0) & (labels != IGNORE)).sum((1, 2))
    index = int(amounts.argmax()) if amounts.any() else len(labels) // 2
    return _Slice(
        as_rgb(preprocess.intensity(volume.pixels)[index]),
        labels[index],
        volume.geometry.spacing[1:] if volume.geometry else (1.0, 1.0),
        f", slice {index + 1} of {len(labels)}" if len(labels) > 1 else "",
    )


def _card(cases: Mapping[str, Case], pair: Duplicate, preprocess: Preprocess) -> Card:
    pictures = [_middle(cases[facts.alias], preprocess) for facts in (pair.first, pair.second)]
    how = "all pixels are the same" if pair.exact else f"likeness {pair.likeness:.2f}"
    title = "different patients" if pair.across_patients else "the same patient"
    return Card(title, (Side(tuple(pictures), "small"),), detail=how)


def _middle(case: Case, preprocess: Preprocess) -> Block:
    volume = read_volume(case.images, plane=preprocess.plane)
    # The slice that was compared.
    pixels = preprocess.intensity(volume.pixels)[len(volume.pixels) // 2]
    spacing = volume.geometry.spacing[1:] if volume.geometry else (1.0, 1.0)
    return picture(plain(as_rgb(pixels), spacing=spacing, edge=_EDGE), case.name, caption=case.name)
