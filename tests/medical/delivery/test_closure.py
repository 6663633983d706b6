"""What a module imports is found to the last file, and copied as it is."""

import ast
import subprocess
import sys
from pathlib import Path

from medical.delivery.closure import ROOT, copy_closure, import_closure, imported

RUNNER = "medical.scans.runner"


def test_the_runner_needs_nothing_that_needs_torch() -> None:
    names = {
        name.split(".")[0] for file in import_closure(RUNNER) for name in imported(ROOT / file)
    }

    assert {"numpy", "medical", "lumbar"} <= names
    assert not names & {"torch", "torchvision", "lightning", "pydantic", "scipy", "cv2", "rich"}


def test_it_is_all_that_is_imported_when_it_runs() -> None:
    """A module of this project that Python loads is among the files that were found."""
    code = (
        f"import sys, {RUNNER};"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('medical', 'lumbar')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded = {Path(file).relative_to(ROOT) for file in done.stdout.split()}
    assert len(loaded) > 20
    assert loaded <= {*import_closure(RUNNER)}


def test_imports_inside_functions_and_packages_on_the_way_count() -> None:
    closure = {file.as_posix() for file in import_closure("medical.scans.preprocess")}

    assert {
        "medical/__init__.py",
        "medical/scans/__init__.py",
        "medical/scans/volume.py",
    } <= closure
    assert "medical/scans/pipeline.py" not in closure


def test_copies_are_the_files_themselves_and_import(tmp_path: Path) -> None:
    copies = copy_closure(RUNNER, tmp_path)

    for copy in copies:
        assert copy.read_bytes() == (ROOT / copy.relative_to(tmp_path)).read_bytes()
        ast.parse(copy.read_text(encoding="utf-8"))
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {RUNNER} as r; print(r.__file__)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path / "medical/scans/runner.py")
