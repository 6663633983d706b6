"""What was found in a study as a page to read: whether it is ready, what to mend, and what the cases are like."""

from collections.abc import Iterator, Mapping
from typing import Literal

from medical.pages.blocks import Block, Facts, Folded, Listing, Note, Notes, Tile, Tiles
from medical.pages.page import Page, Section
from medical.pages.words import count
from medical.scans.intensity import Intensity
from medical.study.cases import Case
from medical.study.check_charts import (
    case_table,
    class_charts,
    intensity_charts,
    lesion_charts,
    size_charts,
)
from medical.study.check_pictures import contact_sheet, duplicate_cards
from medical.study.examination import Examination
from medical.study.finding import Finding, Severity
from medical.study.proposal import Resolved

_LEVELS: Mapping[Severity, Literal["bad", "warn", "info"]] = {
    "fatal": "bad",
    "warning": "warn",
    "note": "info",
}
_FOOTER = (
    "This page names files and may so name patients: it is for the owner of the data. The report of a training names "
    "none."
)


def check_page(examination: Examination, *, name: str, yaml: str) -> Page:
    """Lays out the page.

    Args:
        examination: What was found.
        name: Of the settings.
        yaml: The proposed settings; empty where there are none.
    """
    return Page(
        title=f"{name}: {'ready' if examination.findings.ready else 'not ready'} to train",
        subtitle=examination.config.data,
        head=(_tiles(examination), _headline(examination)),
        sections=tuple(_sections(examination, yaml)),
        footer=_FOOTER,
    )


def decided(resolved: Resolved) -> dict[str, str]:
    """What each setting became, in words."""
    preprocess = resolved.preprocess
    return {
        "modality": resolved.modality,
        "channels": str(preprocess.channels),
        "intensity": _intensity(preprocess.intensity),
        "plane": preprocess.plane or "none",
        "spacing": f"{preprocess.spacing:g} mm" if preprocess.spacing else "as it is",
        "zoom": f"{preprocess.zoom:g}",
        "patch": " x ".join(map(str, preprocess.tile)),
        "augment.flips": ", ".join(resolved.flips) or "none",
        "flips": ", ".join(preprocess.flips) or "none",
        "losses": " + ".join(loss.name for loss in resolved.losses),
    }


def _tiles(examination: Examination) -> Tiles:
    study, counts = examination.study, examination.findings.counts
    tiles = (
        Tile("cases", str(len(study.cases)), f"of {count(len(study.patients), 'patient')}"),
        Tile("classes", str(len(study.classes)), ", ".join(study.classes.names)),
        Tile(
            "to mend", str(counts["fatal"]), meaning="What would spoil the training, or its scores."
        ),
        Tile("warnings", str(counts["warning"]), meaning="What may make the result worse."),
    )
    return Tiles(tiles)


def _headline(examination: Examination) -> Notes:
    fatal = examination.findings.of("fatal")
    if not fatal:
        return Notes((Note("good", "Nothing was found that would spoil a training."),))
    return Notes(tuple(_note(finding) for finding in fatal))


def _sections(examination: Examination, yaml: str) -> Iterator[Section]:
    study, facts, resolved = examination.study, examination.survey.facts, examination.resolved
    others = [finding for finding in examination.findings.found if finding.severity != "fatal"]
    if others:
        yield Section("findings", "Warnings and notes", (Notes(tuple(map(_note, others))),))
    if resolved is None:
        return
    yield Section("settings", "Settings", tuple(_settings(resolved, yaml)))
    if examination.duplicates:
        cards = duplicate_cards(study, examination.duplicates, resolved.preprocess)
        yield Section("duplicates", "Duplicates", (cards,))
    readable = {case.alias for case in facts}
    cases: list[Case] = [case for case in study.cases if case.alias in readable]
    yield Section("pictures", "Pictures", tuple(contact_sheet(study, cases, resolved.preprocess)))
    yield Section("classes", "Classes", (class_charts(study, facts),))
    yield Section("lesions", "Lesions", (lesion_charts(study, facts),), intro=_LESIONS)
    yield Section("intensities", "Intensities", (intensity_charts(facts),))
    yield Section("sizes", "Sizes and spacing", (size_charts(facts),))
    yield Section("cases", "Cases", (case_table(study, facts),))


_LESIONS = (
    "A region is what touches, or has a number of its own where a class is any number. Its diameter is that of a disc "
    "with the area of its largest section."
)


def _settings(resolved: Resolved, yaml: str) -> Iterator[Block]:
    values = decided(resolved)
    yield Facts(tuple((key, f"{values[key]}: {why}") for key, why in resolved.reasons.items()))
    if yaml:
        yield Folded("proposed.yaml", (Listing(yaml),))


def _note(finding: Finding) -> Note:
    fix = f"{finding.fix[:1].upper()}{finding.fix[1:]}"
    return Note(_LEVELS[finding.severity], finding.what, finding.where, fix)


def _intensity(intensity: Intensity) -> str:
    if intensity.kind == "window":
        return f"window {intensity.low:g} to {intensity.high:g}"
    return intensity.kind
