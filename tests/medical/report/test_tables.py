"""The tables of the report hold the numbers of the table of cases, with the rule beside each."""

import math

from medical.pages.tables import Cell, Table
from medical.report import tables
from medical.report.links import card_of, suspect_of
from medical.report.rows import Scored
from medical.report.strata import by_column


def column(table: Table, title: str) -> list[object]:
    """The values under a header."""
    place = [own.title for own in table.columns].index(title)
    return [
        cell.value if isinstance(cell, Cell) else cell
        for cell in (row[place] for row in table.rows)
    ]


def test_numbers_stand_beside_their_rule(scored_hippocampus: Scored) -> None:
    summary = scored_hippocampus.table.summary()

    table = tables.numbers(summary, tolerance=1.0)

    titles = [own.title for own in table.columns]
    assert titles == ["number", "mean of the classes", "anterior", "posterior", "what it says"]
    names = column(table, "number")
    place = names.index("Dice, mean over cases")
    assert column(table, "anterior")[place] == summary.classes["anterior"]["case/dice"].value
    assert column(table, "mean of the classes")[place] == summary.mean["case/dice"].value
    assert "within 1 mm of each other" in "".join(map(str, column(table, "what it says")))
    assert "HD95, mean over cases (mm)" in names
    assert "False alarm rate" not in names, "there are no healthy cases"


def test_a_single_class_has_a_single_column(scored_nuclei: Scored) -> None:
    table = tables.numbers(scored_nuclei.table.summary(), tolerance=2.0)

    assert [own.title for own in table.columns] == ["number", "nucleus", "what it says"]
    assert "False alarm rate" in column(table, "number")


def test_kinds_of_cases_are_counted(scored_nuclei: Scored) -> None:
    table = tables.counts(scored_nuclei.table.summary())

    counted = {
        title: column(table, title)
        for title in ("cases", "found", "missed", "false alarm", "rightly empty")
    }
    assert counted == {
        "cases": [12],
        "found": [9],
        "missed": [1],
        "false alarm": [1],
        "rightly empty": [1],
    }


def test_every_case_has_its_row_and_the_worst_come_first(scored_nuclei: Scored) -> None:
    pictured = [scored_nuclei.table.rows[0].alias]

    table = tables.cases(scored_nuclei, pictured)

    assert sorted(map(str, column(table, "case"))) == sorted(scored_nuclei.table.aliases)
    dice = [float(str(value)) for value in column(table, "Dice")]
    assert dice[:-1] == sorted(dice[:-1])
    assert math.isnan(dice[-1])
    assert table.order == (2, "ascending")
    assert table.columns[2].title == "Dice"
    links = [row[0].link for row in table.rows if isinstance(row[0], Cell) and row[0].link]
    assert links == [card_of(alias) for alias in pictured]
    assert len({*table.names}) == len(table.rows)


def test_cases_of_several_classes_have_a_row_for_each(scored_hippocampus: Scored) -> None:
    table = tables.cases(scored_hippocampus, [])

    assert len(table.rows) == 14
    assert {*column(table, "class")} == {"anterior", "posterior"}
    assert table.columns[3].title == "Dice"
    assert table.order == (3, "ascending")


def test_volume_errors_are_told_in_units_and_in_percent(scored_nuclei: Scored) -> None:
    table = tables.cases(scored_nuclei, [])

    of_alias = {row.alias: row.scores for row in scored_nuclei.table.rows}
    units, percents = (place for place, own in enumerate(table.columns) if own.title == "error")
    for row in table.rows:
        assert isinstance(row[0], Cell)
        found = of_alias[str(row[0].value)]
        assert row[units] == found.volume_error
        if found.reference_volume:
            assert row[percents] == 100 * found.volume_error / found.reference_volume
        else:
            assert math.isnan(float(str(row[percents])))


def test_groups_have_columns_for_classes(scored_nuclei: Scored, scored_hippocampus: Scored) -> None:
    site = by_column(scored_nuclei.table, "site")
    assert [own.title for own in tables.groups("site", site, ["nucleus"]).columns][:4] == [
        *("site", "cases", "patients", "Dice")
    ]
    both = tables.groups(
        "all", by_column(scored_hippocampus.table, "none"), ["anterior", "posterior"]
    )
    assert [own.title for own in both.columns][3:6] == ["Dice", "Dice, anterior", "Dice, posterior"]


def test_suspects_are_listed_with_their_place(scored_nuclei: Scored) -> None:
    chosen = [case for case in scored_nuclei.cases if case.suspect]

    table = tables.suspects(scored_nuclei, [case.alias for case in chosen])

    sizes = [float(str(value)) for value in column(table, "size")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == len(chosen) > 0
    assert isinstance(table.rows[0][0], Cell)
    assert table.rows[0][0].link == suspect_of(str(table.rows[0][0].value))


def test_more_reviews_catch_more(scored_nuclei: Scored) -> None:
    table = tables.review(scored_nuclei)

    below = [float(str(value)) for value in column(table, "expected Dice below")]
    assert below == sorted(below)
    assert column(table, "cases to a person") == [5, 10, 20, 30, 50]


def test_each_fold_is_told_what_it_was_judged_by(scored_nuclei: Scored) -> None:
    table = tables.decisions(scored_nuclei)

    decisions = scored_nuclei.decisions.by_fold
    assert column(table, "temperature") == [own.temperature for own in decisions]
    assert column(table, "review below") == [own.review_below for own in decisions]


def test_other_rules_stand_with_their_calls(scored_nuclei: Scored) -> None:
    table = tables.policies(scored_nuclei.table)

    assert "nnU-Net foreground_mean" in column(table, "by the rule of")
