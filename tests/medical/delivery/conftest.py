"""One finished fit, and what is exported of it: writing a network takes seconds, and many tests look at it."""

from pathlib import Path

import pytest

from medical.commands import main
from tests.medical.delivery.fits import (
    HIPPOCAMPUS,
    made_up_scans,
    scan_settings,
    write_fit,
)


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two made-up scans."""
    return made_up_scans(tmp_path_factory.mktemp("study") / "data")


@pytest.fixture(scope="session")
def fit(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a fit of two folds on them; its network takes three channels, of slices or of colours."""
    run = tmp_path_factory.mktemp("runs") / "fit"
    return write_fit(run, scans, HIPPOCAMPUS, scan_settings())


@pytest.fixture(scope="session")
def bundle(fit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the fit, to be left as it is."""
    folder = tmp_path_factory.mktemp("exports") / "bundle"
    assert main(["export", str(fit), "--output", str(folder), "--verify", "1"]) == 0
    return folder
