"""Every place on the page has a name of its own."""

from medical.report.links import card_of, link_of, row_names, suspect_of


def test_rows_of_one_case_have_different_names() -> None:
    names = row_names(["P001-1", "P001-1", "P002-1", "P001-1"])

    assert names == ["case-P001-1", "case-P001-1-2", "case-P002-1", "case-P001-1-3"]
    assert names[0] == link_of("P001-1")


def test_places_of_one_case_differ() -> None:
    assert len({card_of("P1-1"), suspect_of("P1-1"), link_of("P1-1")}) == 3
