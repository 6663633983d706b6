"""One command for the weights of any task: the exported file describes which it is."""

import json
from pathlib import Path

import pytest

from lumbar.commands.export import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("task", "name"),
    [
        # A detector's graph is large; `end_to_end` exports one at each run.
        pytest.param("detector", "model.pt2", marks=pytest.mark.slow),
        ("segmenter", "model.pt2"),
        ("classifier", "model.onnx"),
    ],
)
def test_models_of_all_tasks_are_exported(
    task: str, name: str, request: pytest.FixtureRequest, photo: Path, tmp_path: Path
) -> None:
    weights, output = request.getfixturevalue(task), tmp_path / name
    command = ["--weights", str(weights), "--output", str(output), "--image", str(photo)]

    assert main(command) == 0

    assert output.is_file()
    about = json.loads((tmp_path / f"{name}.json").read_text())
    assert "cat" in json.dumps(about)


def test_the_suffix_says_the_format(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--weights", "x", "--output", str(tmp_path / "model.bin")])

    assert stop.value.code == 2
    assert "must be a .onnx or .pt2 file" in capsys.readouterr().err


def test_missing_weights_are_named(tmp_path: Path, capsys: Capture) -> None:
    assert main(["--weights", "gone.pth", "--output", str(tmp_path / "model.onnx")]) == 1

    assert capsys.readouterr().err.startswith("error: gone.pth: no such weights file")
