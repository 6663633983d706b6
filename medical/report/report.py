"""The report of a fit: one page for people, a table for spreadsheets, everything for programs."""

import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumbar.files import atomic_write
from medical.learning.run import MedicalRun
from medical.pages.page import Page, Section
from medical.pages.words import count, listed
from medical.report.choice import choose
from medical.report.comparison import Compared, compare_section
from medical.report.decisions import cross_fit
from medical.report.origin import Origin, find_origin
from medical.report.privacy import Names
from medical.report.rows import Scored, score_cases
from medical.report.sections import (
    calibration_section,
    cases_section,
    numbers_section,
    origin_section,
    strata_section,
    suspects_section,
    uncertainty_section,
    volumes_section,
    worst_section,
)
from medical.report.words import notes, tiles
from medical.scores.summary import Summary
from medical.scores.table import CaseTable

_log = logging.getLogger(__name__)

_FOOTER = (
    "A research tool, not a medical device. The scores speak of the patients of this study; of other scanners, other "
    "hospitals and other diseases they say nothing."
)


@dataclass(frozen=True)
class Report:
    """What was found, and where it was written."""

    html: Path
    """The page, which needs no other file."""
    csv: Path
    """The table of all cases."""
    json: Path
    """All numbers."""
    table: CaseTable
    summary: Summary


def report(run: Path, *, output: Path | None = None, compare: Path | None = None) -> Report:
    """Scores every case of a fit as a model predicted it that had not seen it, and writes what came out.

    Args:
        run: The run folder of a finished fit.
        output: Folder for `report.html`, `cases.csv` and `report.json`; None: `report` in the run folder.
        compare: The run folder of another fit on the same cases, which is set beside it.

    Returns:
        The table and its summary, and the files.

    Raises:
        ValueError: A run is missing or not finished, its data have changed, or the other run has other cases.
        UnwritableError: The system refuses to write.
    """
    opened = MedicalRun.open(run)
    names = Names(opened.study)
    scored = score_cases(opened, cross_fit(opened))
    compared = None if compare is None else _compared(compare, scored.table)
    summary, origin = scored.table.summary(), find_origin(opened, names)
    folder = output or run / "report"
    made = Report(
        folder / "report.html",
        folder / "cases.csv",
        folder / "report.json",
        scored.table,
        summary,
    )
    page = _page(opened, scored, summary, origin, names)
    if compared is not None and compare is not None:
        page = _with_comparison(page, compared, names.hide(compare.absolute().name))
    scored.table.to_csv(made.csv)
    _write_json(made.json, _facts(scored, summary, origin, compared))
    page.write(made.html)
    _tell(made)
    return made


def _compared(other: Path, table: CaseTable) -> Compared:
    opened = MedicalRun.open(other)
    try:
        return Compared.of(score_cases(opened, cross_fit(opened)).table, table)
    except ValueError as error:
        raise ValueError(f"--compare {other}: {error}") from error


def _page(run: MedicalRun, scored: Scored, summary: Summary, origin: Origin, names: Names) -> Page:
    choice = choose(scored)
    overall = summary.mean["case/dice"].value
    sections: list[Section | None] = [
        numbers_section(scored, summary),
        worst_section(run, scored, choice),
        cases_section(scored, choice),
        suspects_section(run, scored, choice),
        calibration_section(scored, scored.table.class_names),
        uncertainty_section(scored),
        volumes_section(scored),
        strata_section(scored, overall),
        origin_section(origin),
    ]
    patients = len({row.patient for row in scored.table.rows})
    title = listed(scored.table.class_names)
    return Page(
        f"Segmentation of {title}",
        tuple(section for section in sections if section is not None),
        subtitle=f"{count(len(scored.table.aliases), 'case')} of {count(patients, 'patient')}, each predicted by a "
        f"model that had not seen it: cross-validation in {count(len(run.splits), 'fold')} over patients",
        head=(tiles(scored, summary), notes(run, scored, summary, names)),
        footer=f"{_FOOTER} Made by Lumbar {origin.versions['lumbar']}, {origin.made}.",
    )


def _with_comparison(page: Page, compared: Compared, name: str) -> Page:
    first, *rest = page.sections
    sections = (first, compare_section(compared, name=name), *rest)
    return Page(page.title, sections, page.subtitle, page.head, page.footer)


def _facts(
    scored: Scored, summary: Summary, origin: Origin, compared: Compared | None
) -> dict[str, Any]:
    return {
        "summary": summary.to_dict(),
        "policies": scored.table.policies(),
        "decisions": {
            "cross_fitted": scored.decisions.crossed,
            "folds": [decision.to_dict() for decision in scored.decisions.by_fold],
        },
        "calibration": {"before": scored.before.to_dict(), "after": scored.after.to_dict()},
        "review": None if scored.review is None else vars(scored.review),
        "cases": [
            {
                "alias": case.alias,
                "fold": case.fold,
                "dice": case.dice,
                "expected_dice": case.expected,
                "flagged": case.flagged,
                "suspect": None if case.suspect is None else case.suspect._asdict(),
            }
            for case in scored.cases
        ],
        "table": scored.table.to_dict(),
        "comparison": None if compared is None else compared.to_dict(),
        "origin": origin.to_dict(),
    }


def _write_json(path: Path, facts: dict[str, Any]) -> None:
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(_plain(facts), indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """JSON has no NaN: null."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _tell(made: Report) -> None:
    for title, key in (("case", "case/dice"), ("pooled", "pooled/dice")):
        value, low, high = made.summary.mean[key]
        _log.info("%-9s Dice %.3f, 95 %% interval %.3f to %.3f", title, value, low, high)
    for title, path in (("page", made.html), ("table", made.csv), ("numbers", made.json)):
        _log.info("%-9s %s", title, path)
