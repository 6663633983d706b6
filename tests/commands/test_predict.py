"""One command for the weights of any task: what it writes, the weights decide."""

from pathlib import Path

import pytest

from lumbar.commands.predict import main
from lumbar.data.image_io import read_image

Capture = pytest.CaptureFixture[str]


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_detector_finds_objects(detector: Path, photo: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"

    assert main(["--weights", str(detector), str(photo), "--output", str(output)]) == 0

    assert files_of(output) == {"predictions.json", "drawn/photo.jpg"}


def test_a_segmenter_labels_pixels(segmenter: Path, photo: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"

    assert main(["--weights", str(segmenter), str(photo), "--output", str(output)]) == 0

    assert {"masks/photo.png", "drawn/photo.jpg", "areas.csv"} <= files_of(output)
    assert read_image(output / "masks" / "photo.png").shape[:2] == (70, 90)


def test_a_classifier_names_what_it_sees(classifier: Path, photo: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"

    assert main(["--weights", str(classifier), str(photo), "--output", str(output)]) == 0

    assert files_of(output) == {"predictions.json", "predictions.csv", "drawn/sheet_1.jpg"}


@pytest.mark.parametrize(
    ("task", "option", "value"),
    [
        ("segmenter", "--score", "0"),
        ("classifier", "--score", "0.3"),
        ("detector", "--inference", "mode=slide"),
        ("classifier", "--inference", "mode=slide"),
    ],
)
def test_what_weights_have_no_use_for_is_refused(
    task: str,
    option: str,
    value: str,
    request: pytest.FixtureRequest,
    photo: Path,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    weights = str(request.getfixturevalue(task))
    command = ["--weights", weights, str(photo), "--output", str(tmp_path / "out")]

    assert main([*command, option, value]) == 1

    error = capsys.readouterr().err
    assert f"{option} {float(value) if option == '--score' else value}: {weights}" in error
    assert not (tmp_path / "out").exists()


def test_a_segmenter_looks_as_it_is_told(
    segmenter: Path, photo: Path, tmp_path: Path, capsys: Capture
) -> None:
    command = ["--weights", str(segmenter), str(photo), "--output", str(tmp_path / "out")]

    assert main([*command, "--inference", "mode=slide", "--inference", "flips=[horizontal]"]) == 0
    assert main([*command, "--inference", "mode=slid"]) == 2

    assert "inference.mode" in capsys.readouterr().err


def test_scores_limit_detections(detector: Path, photo: Path, tmp_path: Path) -> None:
    sizes = []
    for score in ("0", "0.999"):
        output = tmp_path / score
        arguments = ["--weights", str(detector), str(photo), "--output", str(output)]
        assert main([*arguments, "--score", score]) == 0
        sizes.append((output / "predictions.json").stat().st_size)

    assert sizes[0] > sizes[1]


def test_missing_images_are_told_before_weights_are_read(tmp_path: Path, capsys: Capture) -> None:
    assert main(["--weights", "x", "gone.jpg", "--output", str(tmp_path)]) == 1

    assert capsys.readouterr().err.startswith("error: gone.jpg: no image there")


def test_missing_weights_are_named(photo: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["--weights", "gone.pth", str(photo), "--output", str(tmp_path)]) == 1

    assert capsys.readouterr().err.startswith("error: gone.pth: no such weights file")
