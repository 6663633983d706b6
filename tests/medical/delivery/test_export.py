"""An export appears whole, when it does what torch does, and tells about nobody."""

import json
import re
import shutil
from pathlib import Path

import pytest

from medical.delivery.bundle import RUNNER
from medical.delivery.ensemble import load_ensemble
from medical.delivery.export import CARD, check, drafted, export, spread
from medical.learning.run import MedicalRun
from medical.scans.runner import MODEL, SETTINGS
from tests.medical.delivery.fits import (
    HIPPOCAMPUS,
    NUCLEI,
    picture_settings,
    scan_settings,
    some_hippocampi,
    some_nuclei,
    write_fit,
)


def test_it_has_all_that_is_needed_and_nothing_else(bundle: Path) -> None:
    assert {path.name for path in bundle.iterdir()} == {MODEL, SETTINGS, CARD, RUNNER}
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def test_the_card_says_what_was_compared(bundle: Path) -> None:
    card = (bundle / CARD).read_text()

    assert "# Segmentation of anterior, posterior" in card
    assert "2 cases of 2 patients" in card
    assert re.search(r"compared with torch: 1; largest difference .*: \d\.\de-\d\d\.", card)
    assert "2 networks (resnet18 with the head fcn)" in card
    assert json.loads((bundle / SETTINGS).read_text())["hashes"][MODEL] in card


def test_no_case_no_patient_and_no_folder_is_named(bundle: Path, fit: Path, scans: Path) -> None:
    study = MedicalRun.open(fit).study
    private = {str(scans), str(fit), str(fit.parent)}
    private |= {text for case in study.cases for text in (case.name, case.patient)}
    assert any("Smith" in text for text in private)

    for path in (path for path in bundle.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not [text for text in private if text.encode() in content], path


def test_a_difference_is_told_with_its_case(
    bundle: Path, fit: Path, scans: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(bundle, tmp_path / "other")
    about = json.loads((other / SETTINGS).read_text())
    about["decision"]["temperature"] = 0.9
    (other / SETTINGS).write_text(json.dumps(about))
    cases = [[path] for path in sorted((scans / "images").iterdir())]

    with pytest.raises(
        ValueError, match=r"nothing is written: of case 1 of 2 .* 0\.0001 is allowed"
    ):
        check(load_ensemble(fit, device="cpu"), other, cases)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with drafted(tmp_path / "out") as draft:
            (draft / "half").write_text("done")
            raise ValueError("different")

    with pytest.raises(ValueError, match="different"):
        fail()

    assert not [*tmp_path.iterdir()]


def test_what_is_there_is_never_overwritten(fit: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(ValueError, match="is there already; name a new folder"):
        export(fit, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    with drafted(tmp_path) as draft:
        (draft / "all").write_text("done")

    assert [path.name for path in tmp_path.iterdir()] == ["all"]


@pytest.mark.parametrize(
    ("count", "most", "chosen"), [(3, 20, [0, 1, 2]), (9, 3, [0, 4, 8]), (5, 0, [])]
)
def test_cases_are_spread_over_the_study(count: int, most: int, chosen: list[int]) -> None:
    cases = [[Path(str(number))] for number in range(count)]

    assert [int(str(case[0])) for case in spread(cases, most)] == chosen


def test_nothing_to_compare_on_is_said(bundle: Path, fit: Path) -> None:
    assert check(load_ensemble(fit, device="cpu"), bundle, []) == "Nothing was compared with torch."


@pytest.mark.slow
@pytest.mark.parametrize("data", ["hippocampus", "nuclei"])
def test_twenty_real_cases_are_the_same_with_the_default_network(
    data: str, tmp_path: Path, shared_data: Path
) -> None:
    if data == "hippocampus":
        study = some_hippocampi(shared_data, tmp_path / "data", count=20)
        run = write_fit(tmp_path / "run", study, HIPPOCAMPUS, scan_settings(), model={})
    else:
        study = some_nuclei(shared_data, tmp_path / "data", count=20)
        run = write_fit(tmp_path / "run", study, NUCLEI, picture_settings(), model={})

    export(run, tmp_path / "export", verify=20)

    assert "Cases compared with torch: 20;" in (tmp_path / "export" / CARD).read_text()
