"""What tests of learning share: a cache of their own, and one small fit."""

from pathlib import Path

import pytest

from medical.learning.run import MedicalRun
from tests.medical.learning.fits import disc_fit


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which prepared cases are kept."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LUMBAR_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> MedicalRun:
    """A finished fit of discs, that nobody may change."""
    return disc_fit(tmp_path_factory.mktemp("discs"))
