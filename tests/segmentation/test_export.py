"""An exported file exists only if it says what the segmenter says."""

import json
from pathlib import Path

import pytest

from segmentation import export_check
from segmentation.export import export_segmenter
from tests.segmentation.export_parts import CLASSES, small_segmenter


def test_a_file_is_written_with_its_description_and_the_differences_are_told(
    tmp_path: Path, examples: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    photo = str(examples / "coco/images/000000062554.jpg")

    export_segmenter(small_segmenter(), tmp_path / "model.onnx", kind="onnx", images=[photo])

    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "model.onnx.json"}
    about = json.loads((tmp_path / "model.onnx.json").read_text())
    assert about["classes"] == CLASSES.to_dict()
    assert "ONNX opset 20" in caplog.text
    for canvas in ("1 x 96 x 160", "2 x 128 x 192"):
        (line,) = (line for line in caplog.text.splitlines() if canvas in line)
        assert "same" in line
        assert " equal " in line


def test_a_difference_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_check, "TOLERANCE", -1.0)  # nothing is as close as that

    with pytest.raises(ValueError, match=r"model\.pt2 is not written.* in BloodImage_00000\.jpg"):
        export_segmenter(small_segmenter(), tmp_path / "model.pt2", kind="pt2")

    assert not any(tmp_path.iterdir())
