"""This room runs on machines that have no torch: the exported runner is made of its files."""

import subprocess
import sys

from tests.conftest import ROOT

FORBIDDEN = ("torch", "torchvision", "lightning", "pytorch_lightning", "pydantic")
LATE = ("nibabel", "pydicom", "highdicom", "onnxruntime")
"""Optional packages, which are imported where they are needed."""


def test_no_file_imports_torch() -> None:
    files = sorted((ROOT / "medical" / "scans").glob("*.py"))
    modules = [f"medical.scans.{file.stem}" for file in files if file.stem != "__init__"]
    code = (
        "import sys\n"
        f"for name in {modules}: __import__(name)\n"
        f"print(sorted({{*{FORBIDDEN + LATE}}} & {{*sys.modules}}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
