"""The sections of the report, from what was scored to what stands on the page."""

from collections.abc import Sequence

from lumbar.training.yaml_marks import dump
from medical.learning.run import MedicalRun
from medical.pages.blocks import Block, Card, Facts, Folded, Legend, Listing, Note, Notes, Side
from medical.pages.overlays import error_legend
from medical.pages.page import Section
from medical.pages.svg import Figure
from medical.pages.tables import Column, Entry, Table
from medical.pages.words import brief, number
from medical.report import figures, tables
from medical.report.choice import Choice
from medical.report.links import card_of, suspect_of
from medical.report.origin import Origin
from medical.report.rows import Scored, ScoredCase
from medical.report.slices import pictures, read_slice
from medical.report.strata import by_column, by_fold, by_size, lesion_volume, volume
from medical.report.suspects import MEANINGS as KINDS
from medical.report.words import review_sentence
from medical.scores.summary import Summary

_MOST_CHARTS = 4
"""Classes that have charts of their own; tables have all."""


def numbers_section(scored: Scored, summary: Summary) -> Section:
    """Every number with its rule, counts of cases, folds."""
    table = scored.table
    overall = summary.mean["case/dice"].value
    folds = by_fold(table)
    blocks: list[Block] = [
        tables.numbers(summary, table.tolerance),
        tables.counts(summary),
        Side(
            (
                figures.dice_histogram(scored),
                figures.group_intervals(folds, title="Folds", overall=overall),
            )
        ),
        tables.groups("fold", folds, table.class_names),
        Folded("What other toolkits would report for the same masks", (tables.policies(table),)),
    ]
    return Section(
        "numbers",
        "Numbers",
        tuple(blocks),
        "Pooled numbers lay all cases together, case numbers count each case once, region numbers each connected "
        "region. They answer different questions and can lie far apart; the rule stands beside each.",
    )


def worst_section(run: MedicalRun, scored: Scored, choice: Choice) -> Section:
    """The worst cases first, then some for comparison."""
    cards = [_card(run, scored, alias) for alias in choice.worst]
    blocks: list[Block] = [_legend(run), *cards]
    for title, aliases in (("In the middle", choice.median), ("The best", choice.best)):
        if aliases:
            shown = tuple(_card(run, scored, alias) for alias in aliases)
            blocks.append(Folded(f"{title}: {', '.join(aliases)}", shown))
    return Section(
        "worst",
        "Worst cases first",
        tuple(blocks),
        "Of each case the slice with the most errors, in the size and with the intensities that the network sees. What "
        "is written into the pixels of an image, is here too.",
    )


def cases_section(scored: Scored, choice: Choice) -> Section:
    """The table of all cases."""
    return Section(
        "cases",
        "All cases",
        (tables.cases(scored, choice.pictured),),
        "A click on a header sorts. Names are aliases: P007-2 is the second case of the seventh patient; key.csv in "
        "the run folder says who that is, and is for the owner of the data alone.",
    )


def suspects_section(run: MedicalRun, scored: Scored, choice: Choice) -> Section:
    """Where the masks may be wrong."""
    if not choice.suspects:
        found: tuple[Block, ...] = (
            Notes(
                (Note("good", "In no case the model surely disagrees with a region of the mask."),)
            ),
        )
    else:
        by_alias = {case.alias: case for case in scored.cases}
        cards = (_suspect_card(run, scored, by_alias[alias]) for alias in choice.suspects)
        found = (tables.suspects(scored, choice.suspects), _legend(run), *cards)
    return Section(
        "suspects",
        "Masks to look at again",
        found,
        "Regions in which the model, which had not seen the mask, is at least 90 % sure of something else. Some of "
        "them are errors of the model, others of the mask.",
    )


def calibration_section(scored: Scored, class_names: Sequence[str]) -> Section:
    """Whether probabilities keep their word."""
    before, after = scored.before, scored.after
    columns = (
        Column("class"),
        *(Column(title, digits=4) for title in ("ECE before", "ECE after")),
        *(Column(title, digits=4) for title in ("where possible, before", "where possible, after")),
    )
    errors = [curve.error(above=above) for above in (0.0, 0.05) for curve in (before, after)]
    rows: list[Entry] = [
        (name, *(float(own[k]) for own in errors)) for k, name in enumerate(class_names)
    ]
    charts = (
        figures.calibration(scored, place, name)
        for place, name in enumerate(class_names[:_MOST_CHARTS])
    )
    return Section(
        "calibration",
        "Calibration",
        (
            Side((*charts, tables.decisions(scored))),
            Table(columns, rows, caption="Expected calibration error", sortable=False),
        ),
        "ECE is the mean distance between what was said and what was true. Most voxels are plainly background, which "
        "makes it small; “where possible” counts those that were said to be of the class with 5 % or more.",
    )


def uncertainty_section(scored: Scored) -> Section:
    """Whether the model knows where it is wrong."""
    return Section(
        "uncertainty",
        "Uncertainty",
        (Side((figures.doubt(scored), tables.review(scored))),),
        f"From its probabilities alone the model expects a Dice for each case. {review_sentence(scored.review)}",
    )


def volumes_section(scored: Scored) -> Section:
    """Agreement of volumes, and Dice by size."""
    table = scored.table
    charts: list[Figure] = []
    parts: list[Table] = []
    for name in table.class_names:
        rows = [row for row in table.rows if row.class_name == name]
        if len(charts) < 2 * _MOST_CHARTS and any(row.scores.present for row in rows):
            charts.append(figures.volume_agreement(rows, table.unit, name))
            charts.append(figures.dice_by_volume(rows, table.unit, name))
        for what, size in (
            ("volume of a case", volume),
            ("mean volume of its regions", lesion_volume),
        ):
            groups = by_size(table, name, size)
            if size is lesion_volume and all(row.scores.lesions <= 1 for row in rows):
                continue
            unit = "mm³" if table.unit == "mm" else "px"
            title = f"{what} ({unit}), {name}" if len(table.class_names) > 1 else f"{what} ({unit})"
            parts += [tables.groups(title, groups, (name,))] if groups else []
    return Section("volumes", "Volumes and sizes", (Side(tuple(charts)), *parts))


def strata_section(scored: Scored, overall: float) -> Section | None:
    """Groups by the columns of cases.csv, None where there are none."""
    table = scored.table
    blocks: list[Block] = []
    parted = {column: by_column(table, column) for column in table.strata}
    for column, groups in parted.items():
        if len(groups) < 2:
            continue
        blocks += [
            figures.group_intervals(groups, title=f"Dice by {column}", overall=overall),
            tables.groups(column, groups, table.class_names),
        ]
    if not blocks:
        return None
    return Section(
        "groups",
        "Groups",
        tuple(blocks),
        "By the columns of the table of cases. Many groups are looked at, and some differ by chance alone.",
    )


def origin_section(origin: Origin) -> Section:
    """How the report was made."""
    weights = ", ".join(known or "not there" for known in origin.weights)
    minutes = "not written down" if origin.minutes is None else f"{brief(origin.minutes)} minutes"
    facts = [
        ("Report made", origin.made),
        ("Training and prediction", minutes),
        ("Versions", ", ".join(f"{name} {own}" for name, own in origin.versions.items())),
        ("Data hash", origin.data_hash),
        ("Splits hash", origin.splits_hash),
        ("Weights hashes", weights),
        *((f"Chosen: {name}", why) for name, why in origin.reasons.items()),
    ]
    return Section(
        "origin",
        "How it was made",
        (
            Facts(tuple(facts)),
            Folded("Settings, without paths and names", (Listing(dump(origin.config)),)),
            Folded(
                "What is done to a scan before the network", (Listing(dump(origin.preprocess)),)
            ),
        ),
    )


def _legend(run: MedicalRun) -> Legend:
    return error_legend(
        several_classes=len(run.study.classes) > 2, void=bool(run.study.classes.void)
    )


def _card(run: MedicalRun, scored: Scored, alias: str) -> Card:
    case = next(case for case in scored.cases if case.alias == alias)
    rows = [row for row in scored.table.rows if row.alias == alias]
    dice = [
        f"{row.class_name} {number(row.scores.dice, 3)}"
        if len(rows) > 1
        else number(row.scores.dice, 3)
        for row in rows
    ]
    kinds = {tables.STATUSES[row.scores.status][0] for row in rows} - {"scored"}
    said = [f"Dice {', '.join(dice)}", f"expected {number(case.expected, 3)}", f"fold {case.fold}"]
    return Card(
        alias,
        _pictures(run, scored, case, case.worst_slice),
        card_of(alias),
        " · ".join([*sorted(kinds), *said]),
    )


def _suspect_card(run: MedicalRun, scored: Scored, case: ScoredCase) -> Card:
    assert case.suspect
    told = KINDS[case.suspect.kind]
    share = f"{number(100 * case.suspect.share, 1)} % of the foreground"
    blocks = _pictures(run, scored, case, case.suspect.slice)
    return Card(case.alias, blocks, suspect_of(case.alias), f"{told} · {share}")


def _pictures(run: MedicalRun, scored: Scored, case: ScoredCase, index: int) -> tuple[Block, ...]:
    what = case.alias + (f", slice {index + 1} of {case.slices}" if case.slices > 1 else "")
    shown = read_slice(run, case.alias, index, scored.decisions.by_fold[case.fold])
    return (Side(pictures(shown, what), "medium"),)
