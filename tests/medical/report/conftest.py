"""Two runs on real cases with made-up predictions, scored and reported once for all tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medical.learning.run import MedicalRun
from medical.report.decisions import cross_fit
from medical.report.report import Report, report
from medical.report.rows import Scored, score_cases
from tests.medical.pages.browser import chromium
from tests.medical.report.made_run import hippocampus_run, nuclei_run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def nuclei(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> MedicalRun:
    """Twelve pictures of six patients: one is missed, one is rightly empty, one has a false alarm."""
    return nuclei_run(shared_data, tmp_path_factory.mktemp("nuclei"))


@pytest.fixture(scope="session")
def hippocampus(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> MedicalRun:
    """Seven volumes of seven patients, two classes."""
    return hippocampus_run(shared_data, tmp_path_factory.mktemp("hippocampus"))


@pytest.fixture(scope="session")
def scored_nuclei(nuclei: MedicalRun) -> Scored:
    return score_cases(nuclei, cross_fit(nuclei))


@pytest.fixture(scope="session")
def scored_hippocampus(hippocampus: MedicalRun) -> Scored:
    return score_cases(hippocampus, cross_fit(hippocampus))


@pytest.fixture(scope="session")
def nuclei_report(nuclei: MedicalRun) -> Report:
    return report(nuclei.path)
