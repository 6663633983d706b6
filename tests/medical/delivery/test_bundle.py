"""An export is a folder that says what it is and runs as it lies there, where nobody has torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medical.delivery.bundle import RUNNER, SCRIPT
from medical.delivery.ensemble import load_ensemble
from medical.delivery.without_torch import MISSING
from medical.scans.runner import MODEL, SETTINGS, file_hash, load_predictor
from tests.medical.delivery.fits import DECISION, HIPPOCAMPUS, rows_of, scan_settings


def run_without_torch(
    bundle: Path, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Runs the script in a process that can import neither torch nor lightning, from another folder."""
    script = bundle / RUNNER / SCRIPT
    code = (
        f"import sys, runpy; sys.modules.update(dict.fromkeys({MISSING}));"
        f"sys.path[0] = {str(script.parent)!r}; sys.argv[0] = {str(script)!r};"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-B", "-c", code, *arguments, "--threads", "1"],  # no caches in the bundle
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_holds_the_network_its_settings_and_the_code(bundle: Path) -> None:
    assert {MODEL, SETTINGS, RUNNER} <= {path.name for path in bundle.iterdir()}
    about = json.loads((bundle / SETTINGS).read_text())
    assert about["preprocess"] == json.loads(json.dumps(scan_settings().to_dict()))
    assert about["decision"] == DECISION.to_dict()
    assert about["classes"]["names"] == [*HIPPOCAMPUS]
    assert about["hashes"] == {MODEL: file_hash(bundle / MODEL)}
    assert about["folds"] == 2
    assert len((bundle / RUNNER / SCRIPT).read_text().splitlines()) == 3
    assert not [*bundle.rglob("*.pyc")]


def test_it_says_which_packages_it_needs(bundle: Path) -> None:
    lines = (bundle / RUNNER / "requirements.txt").read_text().splitlines()

    needed = [line.split("#")[0].strip() for line in lines]
    assert [name for name in needed if name] == ["numpy", "onnxruntime", "pillow", "nibabel"]
    assert any(line.startswith("# pydicom") for line in lines)


def test_it_runs_where_nobody_has_torch(
    bundle: Path, fit: Path, scans: Path, tmp_path: Path
) -> None:
    case = scans / "images" / "Smith_1.nii.gz"

    done = run_without_torch(bundle, tmp_path, str(case), "--output", "found", "--maps")

    assert done.returncode == 0, done.stderr
    mask = nibabel.Nifti1Image.from_filename(tmp_path / "found" / "masks" / "Smith_1.nii.gz")
    np.testing.assert_array_equal(mask.affine, nibabel.Nifti1Image.from_filename(case).affine)
    ensemble = load_ensemble(fit, device="cpu")
    volume = ensemble.read([case])
    expected = ensemble(volume)
    labels = volume.layout.apply(np.asanyarray(mask.dataobj))
    assert (labels == expected.labels).mean() > 0.999
    maps = nibabel.Nifti1Image.from_filename(
        tmp_path / "found" / "probabilities" / "Smith_1_anterior.nii.gz"
    )
    found = volume.layout.apply(maps.get_fdata(dtype=np.float32))
    np.testing.assert_allclose(found, expected.probabilities[1], rtol=0, atol=1e-4)
    (row,) = rows_of(tmp_path / "found").values()
    assert float(row["expected dice"]) == pytest.approx(expected.expected_dice, abs=1e-3)


def test_mistakes_are_one_message(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.nii.gz").write_bytes(b"?")

    done = run_without_torch(bundle, tmp_path, "bad.nii.gz", "--output", "found")

    assert done.returncode == 1
    assert "1 of 1 scans are not predicted:\n  bad.nii.gz" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_may_be_moved(bundle: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bundle, tmp_path / "elsewhere")

    load_predictor(moved, threads=1)
