"""Findings about masks: empty ones, classes that hardly occur, lesions too small to be learned, crumbs."""

from collections.abc import Iterator, Sequence

import numpy as np

from medical.study.cases import Study
from medical.study.config import MedicalConfig
from medical.study.facts import CaseFacts
from medical.study.finding import Finding

_CRUMB = 10
"""Pixels of the largest section: less is most often a slip of the pen."""
_MANY_CRUMBS = 0.05
_RARE = 0.001
_HALF = 0.5
_INVERTED = 0.9


def mask_findings(
    config: MedicalConfig, study: Study, facts: Sequence[CaseFacts]
) -> Iterator[Finding]:
    """Says what there is too little of in the masks, or too much."""
    empty = [case for case in facts if not case.foreground]
    if len(empty) == len(facts):
        yield Finding(
            "fatal",
            "all masks empty",
            "No mask has anything but background.",
            _names(empty),
            f"check the classes: the values of the masks stand for {', '.join(study.classes.names)}",
        )
        return
    yield from _classes(config, study, facts)
    yield from _shares(facts, empty)
    yield from _crumbs(study, facts)


def _classes(config: MedicalConfig, study: Study, facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    for label, name in enumerate(study.classes.names):
        having = [case for case in facts if case.voxels[label]]
        patients = {case.patient for case in having}
        if not having:
            yield Finding(
                "fatal",
                "class without pixels",
                f"No mask has the class {name}.",
                (),
                f"take {name} out of `classes`, or correct the value that stands for it",
            )
        elif label and len(patients) < config.folds:
            yield Finding(
                "warning",
                "rare class",
                f"Only {len(patients)} patients have the class {name}: of the {config.folds} folds some will have none "
                "to test on.",
                _names(having),
                f"annotate more patients that have it, or write `folds: {max(len(patients), 2)}`",
            )


def _shares(facts: Sequence[CaseFacts], empty: Sequence[CaseFacts]) -> Iterator[Finding]:
    labelled = sum(sum(case.voxels) for case in facts)
    share = sum(case.foreground for case in facts) / max(labelled, 1)
    if share < _RARE:
        yield Finding(
            "warning",
            "little foreground",
            f"{share:.3%} of all pixels are foreground: a network could leave it out and hardly be wrong.",
            (),
            "keep `lesion_share` high, and look at the metrics of lesions rather than of pixels",
        )
    if share > _INVERTED:
        yield Finding(
            "warning",
            "inverted masks?",
            f"{share:.1%} of all pixels are foreground: background and foreground may be exchanged.",
            (),
            "if so, exchange the values in `classes`",
        )
    if len(empty) >= _HALF * len(facts):
        yield Finding(
            "warning",
            "empty masks",
            f"{len(empty)} of {len(facts)} masks are empty.",
            _names(empty),
            "keep them if these patients are healthy; take them out if nobody has annotated them",
        )


def _crumbs(study: Study, facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    largest = 2 * np.sqrt(_CRUMB / np.pi)
    for label, name in enumerate(study.classes.names[1:]):
        sizes = [(case.name, lesion.across) for case in facts for lesion in case.lesions[label]]
        crumbs = [case for case, across in sizes if across < largest]
        if crumbs and len(crumbs) >= _MANY_CRUMBS * len(sizes):
            yield Finding(
                "warning",
                "tiny regions",
                f"{len(crumbs)} of {len(sizes)} regions of the class {name} have fewer than {_CRUMB} pixels in their "
                "largest section: slips of the pen, or lesions that can hardly be learned at this resolution.",
                tuple(f"{case} ({crumbs.count(case)})" for case in dict.fromkeys(crumbs)),
                "remove slips of the pen: they count as lesions that are missed",
            )


def _names(facts: Sequence[CaseFacts]) -> tuple[str, ...]:
    return tuple(case.name for case in facts)
