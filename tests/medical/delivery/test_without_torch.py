"""The process that answers for a runner has no torch, and uses the copies only."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medical.delivery import without_torch
from medical.scans.runner import load_predictor


def ask(export: Path, folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-B", without_torch.__file__, str(export), str(folder), "1"]
    return subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=False
    )


def test_it_answers_with_calibrated_probabilities(
    bundle: Path, scans: Path, tmp_path: Path
) -> None:
    case = scans / "images" / "Smith_0.nii.gz"

    done = ask(bundle, tmp_path, json.dumps([str(case)]))

    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
    predictor = load_predictor(bundle, threads=1)
    expected = predictor(predictor.read([case])).probabilities
    np.testing.assert_array_equal(np.load(tmp_path / "probabilities.npy"), expected)


@pytest.mark.parametrize("package", without_torch.MISSING)
def test_a_runner_that_needs_what_is_missing_fails(
    package: str, bundle: Path, tmp_path: Path
) -> None:
    export = shutil.copytree(bundle, tmp_path / "export")
    file = export / "runner" / "medical" / "scans" / "runner.py"
    file.write_text(f"import {package}\n{file.read_text()}")

    done = ask(export, tmp_path)

    assert done.returncode == 1
    assert f"import of {package} halted" in done.stderr


def test_a_runner_without_its_copies_fails(bundle: Path, tmp_path: Path) -> None:
    """What is installed does not stand in for them."""
    export = shutil.copytree(bundle, tmp_path / "export")
    shutil.rmtree(export / "runner" / "medical")

    assert ask(export, tmp_path).returncode == 1
