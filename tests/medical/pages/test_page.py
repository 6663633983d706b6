"""A page is one file that needs nothing else: no request leaves it, it fits any screen, and nobody complains."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumbar.data.image_io import read_image
from lumbar.files import UnwritableError
from medical.pages.axes import Axis
from medical.pages.blocks import Card, Facts, Folded, Listing, Note, Notes, Side, Tile, Tiles
from medical.pages.charts import (
    Curve,
    Dot,
    Estimate,
    bars,
    histogram,
    intervals,
    reliability,
    scatter,
)
from medical.pages.overlays import error_legend, error_overlay, plain
from medical.pages.page import Page, Section
from medical.pages.pictures import as_rgb, picture
from medical.pages.tables import Column, Table
from tests.medical.pages.browser import PHONE, WIDE, visit

LONG = "a_name_without_any_space_" * 8


def full_page(image: Path) -> Page:
    """Every kind of block, with a real image and names that are too long."""
    pixels = as_rgb(read_image(image, channels=3)[:200, :200])
    truth = np.zeros((200, 200), np.uint8)
    truth[50:100, 50:120] = 1
    pair = (
        picture(plain(pixels), "the image", caption="image"),
        picture(error_overlay(pixels, truth, np.roll(truth, 9)), "the errors", caption=LONG),
    )
    share = Axis("Dice", 0, 1)
    charts = (
        histogram([1, 2, 3], title="Histogram", axis="size"),
        bars(["a", LONG], [1, 2], title=LONG, axis="cases"),
        scatter([Dot(0.5, 0.5, "P1", link="case-1")], title="Scatter", x=share, y=share),
        reliability([Curve("before", [0, 1], [0, 1])], title="Calibration"),
        intervals([Estimate("fold", 0.5, 0.4, 0.6)], title="Folds", axis=share),
    )
    table = Table((Column("case"), Column("note")), (("P1", LONG),), names=("row-1",))
    return Page(
        f"Report {LONG}",
        (
            Section("charts", "Charts", (Side(charts),), "An introduction."),
            Section("cases", "Cases", (table, error_legend(), Card("P1", (Side(pair, "medium"),)))),
            Section("rest", "Rest", (Facts((("name", LONG),)), Folded("more", (Listing(LONG),)))),
        ),
        subtitle="Of nothing",
        head=(Tiles((Tile("Dice", "0.873"),)), Notes((Note("warn", LONG),))),
        footer="Made for a test.",
    )


@pytest.fixture(scope="module")
def path(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    full_page(examples / "bccd" / "images" / "BloodImage_00000.jpg").write(path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, PHONE, 800, WIDE])
def test_no_page_scrolls_sideways_or_complains(
    path: Path, browser: Any, width: int, scheme: str
) -> None:
    with visit(browser, path, width=width, scheme=scheme) as seen:
        assert not seen.too_wide
        assert (seen.complaints, seen.requests) == ([], [])


def test_pictures_are_painted(path: Path, browser: Any) -> None:
    with visit(browser, path) as seen:
        assert seen.page.locator("img").count() == 2
        assert seen.unseen_pictures() == []


def test_a_picture_is_shown_larger_by_a_click_and_smaller_by_another(
    path: Path, browser: Any
) -> None:
    with visit(browser, path) as seen:
        dialog = seen.page.locator("dialog")
        seen.page.locator(".zoom").first.click()
        assert dialog.is_visible()
        assert dialog.locator("img").get_attribute("alt") == "the image"
        dialog.click()
        assert not dialog.is_visible()


def test_light_and_dark_follow_the_system(path: Path, browser: Any) -> None:
    shades = []
    for scheme in ("light", "dark"):
        with visit(browser, path, scheme=scheme) as seen:
            colour = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
            shades.append([int(part) for part in colour[4:-1].split(",")])
    assert min(shades[0]) > 230
    assert max(shades[1]) < 50


def test_the_policy_holds_back_whatever_would_leave_the_file(path: Path, browser: Any) -> None:
    with visit(browser, path) as seen:
        tried: list[str] = []
        seen.page.on("response", lambda response: tried.append(response.url))
        blocked = seen.page.evaluate(
            "async () => { try { await fetch('https://example.com'); } catch (e) { return 'no'; } }"
        )
        assert blocked == "no"
        assert any("Content Security Policy" in complaint for complaint in seen.complaints)
        assert tried == []


def test_on_paper_there_are_neither_frames_nor_filters(path: Path, browser: Any) -> None:
    with visit(browser, path) as seen:
        seen.page.emulate_media(media="print")
        assert not seen.page.locator("nav").is_visible()
        assert (
            seen.page.locator(".scroll").first.evaluate("f => getComputedStyle(f).overflow")
            == "visible"
        )
        assert seen.page.pdf()[:4] == b"%PDF"


def test_links_find_what_they_name(path: Path, browser: Any) -> None:
    with visit(browser, path) as seen:
        broken = seen.page.evaluate(
            "[...document.querySelectorAll('nav a')].filter(a => !document.getElementById(a.hash.slice(1))).length"
        )
        assert broken == 0


def test_nothing_in_the_file_can_be_taken_for_markup(tmp_path: Path, browser: Any) -> None:
    attack = "<img src=x onerror=alert(1)>'\"</title></script>"
    table = Table((Column(attack, help=attack),), ((attack,),), caption=attack, counted=attack)
    chart = bars([attack], [1], title=attack, axis=attack)
    page = Page(attack, (Section("a", attack, (table, chart, Notes((Note("bad", attack),)))),))
    page.write(tmp_path / "page.html")
    with visit(browser, tmp_path / "page.html") as seen:
        assert seen.page.locator("img").count() == 0
        assert seen.page.title() == attack
        assert seen.column(0) == [attack]
        assert seen.complaints == []


def test_two_sections_of_one_name_are_a_mistake() -> None:
    with pytest.raises(AssertionError):
        Page("Twice", (Section("a", "A", ()), Section("a", "B", ()))).html()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UnwritableError, match=r"page\.html"):
        Page("None", ()).write(tmp_path / "page.html")
