"""An exported file exists only if it says what the classifier says."""

import json
from pathlib import Path

import pytest

from classification import export_check
from classification.export import export_classifier
from tests.classification.small_classifier import NAMES, small_classifier


def test_a_file_is_written_with_its_description_and_the_differences_are_told(
    tmp_path: Path, examples: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    photo = str(examples / "coco/images/000000062554.jpg")

    export_classifier(small_classifier(), tmp_path / "model.pt2", kind="pt2", images=[photo])

    assert {path.name for path in tmp_path.iterdir()} == {"model.pt2", "model.pt2.json"}
    about = json.loads((tmp_path / "model.pt2.json").read_text())
    assert about["class_names"] == [*NAMES]
    assert about["canvas"] == {"height": 32, "width": 32}
    for canvas in ("1 x 32 x 32", "2 x 32 x 32"):
        (line,) = (line for line in caplog.text.splitlines() if canvas in line)
        assert "same" in line
        assert " equal " in line


def test_a_difference_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_check, "TOLERANCE", -1.0)  # nothing is as close as that

    with pytest.raises(ValueError, match=r"model\.pt2 is not written.* in BloodImage_00000\.jpg"):
        export_classifier(small_classifier(), tmp_path / "model.pt2", kind="pt2")

    assert not any(tmp_path.iterdir())
