"""Runner and torch are compared on real scans; every way to fail is told."""

import json
import shutil
from pathlib import Path

import pytest

from medical.delivery.ensemble import load_ensemble
from medical.delivery.runner_check import TOLERANCE, largest_differences
from medical.scans.prediction import Predictor
from medical.scans.preprocess import Preprocess
from medical.scans.runner import SETTINGS
from tests.medical.delivery.fits import picture_settings, scan_settings


@pytest.fixture(scope="module")
def predictor(fit: Path) -> Predictor:
    return load_ensemble(fit, device="cpu")


def with_settings(bundle: Path, folder: Path, preprocess: Preprocess) -> Path:
    """The same network with another way to it."""
    export = shutil.copytree(bundle, folder)
    about = json.loads((export / SETTINGS).read_text())
    about["preprocess"] = preprocess.to_dict()
    (export / SETTINGS).write_text(json.dumps(about))
    return export


def test_made_up_scans_are_the_same(predictor: Predictor, bundle: Path, scans: Path) -> None:
    cases = [[path] for path in sorted((scans / "images").iterdir())]

    differences = [*largest_differences(predictor, bundle, cases)]

    assert len(differences) == len(cases) == 2
    assert 0 < max(differences) <= TOLERANCE


@pytest.mark.parametrize(
    ("data", "preprocess"),
    [("hippocampus/images", scan_settings()), ("nuclei/val/images", picture_settings())],
)
def test_real_cases_are_the_same(
    data: str,
    preprocess: Preprocess,
    fit: Path,
    bundle: Path,
    tmp_path: Path,
    shared_data: Path,
) -> None:
    ensemble = load_ensemble(fit, device="cpu")
    predictor = Predictor(ensemble.network, preprocess, ensemble.decision, ensemble.classes)
    cases = [[path] for path in sorted((shared_data / data).iterdir())[:1]]

    export = with_settings(bundle, tmp_path / "export", preprocess)

    assert max(largest_differences(predictor, export, cases)) <= TOLERANCE


def test_another_way_to_the_network_is_found_out(
    predictor: Predictor, bundle: Path, scans: Path, tmp_path: Path
) -> None:
    export = with_settings(bundle, tmp_path / "export", scan_settings(flips=()))
    case = scans / "images" / "Smith_0.nii.gz"

    (difference,) = largest_differences(predictor, export, [[case]])

    assert difference > TOLERANCE


def test_a_runner_that_fails_is_quoted(
    predictor: Predictor, bundle: Path, scans: Path, tmp_path: Path
) -> None:
    export = shutil.copytree(bundle, tmp_path / "export")
    (export / SETTINGS).unlink()
    cases = [[path] for path in sorted((scans / "images").iterdir())]

    with pytest.raises(ValueError, match=r"(?s)fails without torch:.*preprocess\.json: no such"):
        [*largest_differences(predictor, export, cases)]
