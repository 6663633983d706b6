"""The report as its readers get it: in a browser, as a table, as JSON, and without the name of anybody."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medical.learning.run import MedicalRun
from medical.pages.words import NOTHING
from medical.report.report import Report, report
from medical.scores.table import CaseTable
from tests.medical.pages.browser import PHONE, WIDE, visit
from tests.medical.report.made_run import dicom_run, nuclei_run, secrets
from tests.medical.report.test_held_out import copied

CASES = "#cases table"
EMBEDDED = re.compile(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)")


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> MedicalRun:
    """Four CT slices with names in their headers."""
    return dicom_run(tmp_path_factory.mktemp("scans"))


def leaks(made: Report) -> list[str]:
    """The names that are in a file of the report, its pictures included."""
    texts = [path.read_text(encoding="utf-8").lower() for path in (made.html, made.csv, made.json)]
    pictures = [base64.b64decode(data) for data in EMBEDDED.findall(made.html.read_text("utf-8"))]
    assert pictures
    found = [word for word in secrets() if any(word.lower() in text for text in texts)]
    return found + [word for word in secrets() if any(word.encode() in data for data in pictures)]


def test_no_name_of_a_file_or_of_a_column_enters(nuclei_report: Report) -> None:
    assert leaks(nuclei_report) == []


def test_no_name_of_a_dicom_header_enters(scans: MedicalRun, tmp_path: Path) -> None:
    assert any(word.encode() in scans.study.cases[0].images[0].read_bytes() for word in secrets())

    assert leaks(report(scans.path, output=tmp_path)) == []


def test_files_are_written_where_they_are_said_to_be(
    nuclei: MedicalRun, nuclei_report: Report
) -> None:
    folder = nuclei.path / "report"

    assert nuclei_report.html == folder / "report.html"
    assert sorted(path.name for path in folder.iterdir()) == [
        "cases.csv",
        "report.html",
        "report.json",
    ]


def test_the_table_can_be_read_again(nuclei_report: Report) -> None:
    again = CaseTable.from_csv(nuclei_report.csv)

    assert again.aliases == nuclei_report.table.aliases
    assert again.case_dice() == pytest.approx(nuclei_report.table.case_dice(), nan_ok=True)
    facts = json.loads(nuclei_report.json.read_text(encoding="utf-8"))
    assert CaseTable.from_dict(facts["table"]).to_dict() == nuclei_report.table.to_dict()


def test_json_holds_all_numbers_and_no_nan(nuclei_report: Report) -> None:
    text = nuclei_report.json.read_text(encoding="utf-8")

    facts = json.loads(text)
    assert "NaN" not in text
    mean = nuclei_report.summary.mean["case/dice"]
    assert facts["summary"]["mean"]["case/dice"] == [mean.value, mean.low, mean.high]
    assert facts["decisions"]["cross_fitted"] is True
    assert len(facts["cases"]) == 12
    assert facts["comparison"] is None


def test_the_report_is_the_same_twice(scans: MedicalRun, tmp_path: Path) -> None:
    once, again = (report(scans.path, output=tmp_path / name) for name in ("once", "again"))

    assert again.csv.read_bytes() == once.csv.read_bytes()
    first, second = (json.loads(made.json.read_text("utf-8")) for made in (once, again))
    for facts in (first, second):
        del facts["origin"]["made"]
    assert first == second


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_it_is_read_on_any_screen_and_asks_for_nothing(
    nuclei_report: Report, browser: Any, width: int, scheme: str
) -> None:
    with visit(browser, nuclei_report.html, width=width, scheme=scheme) as seen:
        assert not seen.too_wide
        assert (seen.complaints, seen.requests) == ([], [])


def test_cases_are_sorted_by_a_click(nuclei_report: Report, browser: Any) -> None:
    with visit(browser, nuclei_report.html) as seen:
        first = [float(text) for text in seen.column(2, CASES) if text != NOTHING]
        assert first == sorted(first), "the worst are not first"
        assert seen.sort(2, CASES) == "descending"
        dice = seen.column(2, CASES)
        assert dice[-1] == NOTHING
        assert [float(text) for text in dice[:-1]] == first[::-1]
        assert seen.sort(0, CASES) == "ascending"
        assert seen.column(0, CASES) == sorted(nuclei_report.table.aliases)


def test_cases_are_chosen_by_their_kind(nuclei_report: Report, browser: Any) -> None:
    with visit(browser, nuclei_report.html) as seen:
        seen.page.locator("#cases select").first.select_option("missed")
        assert seen.column(1, CASES) == ["missed"]
        assert seen.page.locator("#cases output").text_content() == "1 of 12 cases"


def test_pictures_are_painted(nuclei_report: Report, browser: Any) -> None:
    with visit(browser, nuclei_report.html) as seen:
        seen.page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
        assert seen.page.locator("#worst img").count() >= 20
        assert seen.unseen_pictures() == []


def test_links_lead_to_places_on_the_page(nuclei_report: Report, browser: Any) -> None:
    script = """all => all.map(link => link.getAttribute('href').slice(1))
        .filter(name => document.querySelectorAll(`[id="${name}"]`).length !== 1)"""
    with visit(browser, nuclei_report.html) as seen:
        assert seen.page.eval_on_selector_all("a", script) == []
        assert seen.page.locator("a").count() > 20


def test_ids_are_there_once(nuclei_report: Report) -> None:
    ids = re.findall(r' id="([^"]+)"', nuclei_report.html.read_text(encoding="utf-8"))

    assert len({*ids}) == len(ids)


def test_two_runs_stand_beside_each_other(shared_data: Path, tmp_path: Path, browser: Any) -> None:
    better = nuclei_run(shared_data, tmp_path / "better", cases=6)
    worse = nuclei_run(shared_data, tmp_path / "worse", cases=6, shift=5)

    made = report(better.path, compare=worse.path)

    assert leaks(made) == []
    comparisons = json.loads(made.json.read_text("utf-8"))["comparison"]["comparisons"]
    assert comparisons[0]["difference"][0] > 0
    with visit(browser, made.html, width=PHONE) as seen:
        assert seen.page.locator("#comparison h2").text_content() == "Beside run"
        assert "this run is better" in seen.page.locator("#comparison").text_content()
        assert not seen.too_wide
        assert seen.complaints == []


def test_a_run_of_other_cases_is_refused(
    shared_data: Path, nuclei: MedicalRun, tmp_path: Path
) -> None:
    other = nuclei_run(shared_data, tmp_path, cases=10)

    with pytest.raises(ValueError, match=r"--compare .*same cases"):
        report(nuclei.path, output=tmp_path / "both", compare=other.path)
    assert not (tmp_path / "both").exists()


def test_several_classes_and_volumes_have_a_report(
    hippocampus: MedicalRun, tmp_path: Path, browser: Any
) -> None:
    made = report(hippocampus.path, output=tmp_path)

    assert leaks(made) == []
    with visit(browser, made.html, width=PHONE) as seen:
        assert seen.page.title() == "Segmentation of anterior and posterior"
        assert {*seen.column(1, CASES)} == {"anterior", "posterior"}
        assert not seen.too_wide
        assert seen.complaints == []


def test_a_run_that_finds_nothing_has_a_report(scans: MedicalRun, tmp_path: Path) -> None:
    run = copied(scans, tmp_path / "run")
    for case in run.study.cases:
        nothing = np.zeros(run.out_of_fold.load(case.alias).shape, np.float32)
        nothing[0] = 1
        run.out_of_fold.save(case.alias, nothing)

    made = report(run.path)

    assert made.summary.mean["case/dice"].value == 0
    assert {row.scores.status for row in made.table.rows} == {"missed"}
