"""Tables write each value as its column says, and are sorted and chosen from in a browser."""

import math
from pathlib import Path
from typing import Any

import pytest

from medical.pages.page import Page, Section
from medical.pages.tables import Cell, Column, Table
from medical.pages.words import NOTHING
from tests.medical.pages.browser import PHONE, visit

COLUMNS = (
    Column("case"),
    Column("Dice", digits=3, help="overlap <of> both"),
    Column("status", filtered=True),
    Column("fold", digits=0, filtered=True),
)
ROWS = (
    ("P10", 0.5, "scored", 0),
    ("P9", 1234.5, Cell("missed", tone="bad"), 1),
    ("P1", math.nan, "scored", 2),
    ("P2", -0.25, "", 0),
    ("P3", 0.5, "scored", 1),
)
TABLE = Table(COLUMNS, ROWS, caption="All cases", counted="case", names=tuple("abcde"))


def write(folder: Path, *tables: Table) -> Path:
    path = folder / "page.html"
    Page("Tables", (Section("tables", "Tables", tables),)).write(path)
    return path


def test_values_are_written_as_their_column_says() -> None:
    shown = TABLE.html()

    assert "1\u202f234.500" in shown
    assert 'data-key="1234.5"' in shown
    assert NOTHING in shown
    assert "overlap &lt;of&gt; both" in shown
    assert 'id="e"' in shown


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="All cases"):
        Table(COLUMNS, (("P1", 0.5),), caption="All cases").html()


def test_numbers_are_sorted_as_numbers_and_empty_ones_stay_last(
    tmp_path: Path, browser: Any
) -> None:
    with visit(browser, write(tmp_path, TABLE)) as seen:
        assert seen.sort(1) == "ascending"
        assert seen.column(0) == ["P2", "P10", "P3", "P9", "P1"]
        assert seen.sort(1) == "descending"
        assert seen.column(0) == ["P9", "P10", "P3", "P2", "P1"]
        assert seen.complaints == []


def test_text_is_sorted_as_people_do(tmp_path: Path, browser: Any) -> None:
    with visit(browser, write(tmp_path, TABLE)) as seen:
        seen.sort(0)
        assert seen.column(0) == ["P1", "P2", "P3", "P9", "P10"]
        assert seen.sort(2) == "ascending"
        assert seen.column(2) == ["missed", "scored", "scored", "scored", NOTHING]
        assert seen.page.locator("th[aria-sort]").count() == 1


def test_headers_are_reached_and_pressed_by_the_keyboard(tmp_path: Path, browser: Any) -> None:
    with visit(browser, write(tmp_path, TABLE)) as seen:
        button = seen.page.locator("thead button").nth(1)
        button.focus()
        seen.page.keyboard.press("Enter")
        assert seen.column(0)[0] == "P2"
        seen.page.keyboard.press("Space")
        assert seen.column(0)[0] == "P9"


def test_rows_are_chosen_by_values_of_columns(tmp_path: Path, browser: Any) -> None:
    with visit(browser, write(tmp_path, TABLE)) as seen:
        status, fold = seen.page.locator("select").all()
        assert status.locator("option").all_text_contents() == ["all", "missed", "scored", NOTHING]
        status.select_option("scored")
        assert seen.column(0) == ["P10", "P1", "P3"]
        assert seen.page.locator("output").text_content() == "3 of 5 cases"
        fold.select_option("1")
        assert seen.column(0) == ["P3"]
        status.select_option("all")
        fold.select_option("all")
        assert len(seen.column(0)) == 5


def test_a_link_finds_a_row_that_is_filtered_out(tmp_path: Path, browser: Any) -> None:
    with visit(browser, write(tmp_path, TABLE)) as seen:
        seen.page.locator("select").first.select_option("missed")
        seen.page.evaluate("location.hash = '#e'")
        seen.page.wait_for_function("!document.getElementById('e').hidden")
        assert seen.column(0)[-1] == "P3"


def test_small_letters_below_a_value_count_neither_in_sorting_nor_in_choosing(
    tmp_path: Path, browser: Any
) -> None:
    columns = (Column("Dice", digits=2), Column("kind", filtered=True, wrapped=True))
    rows = [(Cell(k / 10, detail="0.1 to 0.9"), Cell("ab"[k % 2], detail="so")) for k in (3, 1, 2)]
    with visit(browser, write(tmp_path, Table(columns, rows))) as seen:
        assert seen.sort(0) == "ascending"
        assert seen.column(0) == [f"0.{k}00.1 to 0.9" for k in (1, 2, 3)]
        seen.page.locator("select").select_option("a")
        assert seen.column(1) == ["aso"]


def test_each_table_is_sorted_for_itself(tmp_path: Path, browser: Any) -> None:
    with visit(browser, write(tmp_path, TABLE, TABLE)) as seen:
        seen.page.locator(".table").nth(1).locator("thead button").first.click()
        shown = seen.column(0)
        assert shown[:5] == [row[0] for row in ROWS]
        assert shown[5:] == ["P1", "P2", "P3", "P9", "P10"]


def test_a_wide_table_scrolls_within_itself_and_keeps_its_first_column(
    tmp_path: Path, browser: Any
) -> None:
    columns = (Column("case"), *(Column(f"a number called {k}", digits=3) for k in range(12)))
    rows = tuple((f"P{k}", *[k / 7] * 12) for k in range(80))
    with visit(browser, write(tmp_path, Table(columns, rows)), width=PHONE) as seen:
        assert not seen.too_wide
        frame = seen.page.locator(".scroll")
        assert frame.evaluate("frame => frame.scrollWidth > 2 * frame.clientWidth")
        first = seen.page.locator("tbody th").first
        before = first.bounding_box()
        frame.evaluate("frame => { frame.scrollLeft = 400; }")
        assert first.bounding_box()["x"] == before["x"]
        frame.evaluate("frame => { frame.scrollTop = 400; }")
        header = seen.page.locator("thead th").nth(5)
        assert header.bounding_box()["y"] >= frame.bounding_box()["y"]
