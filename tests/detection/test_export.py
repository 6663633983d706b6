"""An exported file exists only if it finds what the detector finds."""

import sys
from pathlib import Path

import pytest

from detection import export_check
from detection.export import export_detector
from tests.detection.small_detector import small_detector


@pytest.mark.slow  # `tasks` leaves files, and `export_check` finds differences; the graph takes seconds
def test_a_difference_leaves_the_older_file_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "model.pt2"
    output.write_bytes(b"older")
    monkeypatch.setattr(export_check, "BOX_TOLERANCE", -1.0)  # nothing is as close as that

    with pytest.raises(ValueError, match=r"model\.pt2 is not written.* in BloodImage_00000\.jpg"):
        export_detector(small_detector(), output, kind="pt2")

    assert output.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [output]


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)

    with pytest.raises(ValueError, match=r"needs onnxscript: pip install 'lumbar\[export\]'"):
        export_detector(small_detector(), tmp_path / "model.onnx", kind="onnx")


def test_a_missing_image_is_named_before_the_long_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.jpg: no such image file"):
        export_detector(small_detector(), tmp_path / "m.pt2", kind="pt2", images=["gone.jpg"])
