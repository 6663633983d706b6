"""An exported file exists only if it does what the model does, on images that were asked for or come with us."""

import json
from pathlib import Path

import pytest

from lumbar.tasks import export
from lumbar.tasks.export import export_model, find_cases
from lumbar.tasks.export_check import Case, Comparison, Finding, Verdict
from lumbar.tasks.export_graph import Run
from tests.tasks.small_export import Reader, make_images, small_exportable

EXPORTABLE = small_exportable()
CASE = Case("photo.jpg", make_images(16, 16))


def export_with(verdict: Verdict, output: Path, *, weight: int = 1) -> None:
    """Exports what a check finds to be so."""

    def check(run: Run) -> list[Comparison]:
        run(CASE.images.canvas, CASE.images.sizes)
        return [Comparison(CASE, Finding(weight, {"away": "much"}, verdict), 0.1, 0.2)]

    export_model(EXPORTABLE, output, kind="pt2", check=check, allowed="3 px")


@pytest.mark.parametrize("verdict", ["equal", "rounding"])
def test_a_file_comes_with_its_description(
    tmp_path: Path, verdict: Verdict, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    export_with(verdict, tmp_path / "served" / "model.pt2")

    folder = tmp_path / "served"
    assert {path.name for path in folder.iterdir()} == {"model.pt2", "model.pt2.json"}
    assert json.loads((folder / "model.pt2.json").read_text()) == EXPORTABLE.describe()
    for shown in ("1 x 16 x 16  much", "trace", f"{folder / 'model.pt2'}  0.0 MB"):
        assert shown in caplog.text
    assert "too little" not in caplog.text


def test_a_difference_leaves_the_older_file_as_it_is(tmp_path: Path) -> None:
    output = tmp_path / "model.pt2"
    output.write_bytes(b"older")

    with pytest.raises(ValueError, match=r"not written.* in photo\.jpg .*\(allowed are 3 px\)"):
        export_with("DIFFERENT", output)

    assert output.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [output]


def test_images_that_show_little_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    export_with("equal", tmp_path / "model.pt2", weight=0)

    assert "too little was found in these images" in caplog.text


def test_a_missing_image_is_named() -> None:
    with pytest.raises(ValueError, match=r"gone\.jpg: no such image file"):
        find_cases(["gone.jpg"], Reader(), EXPORTABLE.inputs)


def test_without_images_each_data_set_of_the_checkout_gives_one(examples: Path) -> None:
    cases = find_cases([], Reader(), EXPORTABLE.inputs)

    first = [min((folder / "images").iterdir()).name for folder in sorted(examples.iterdir())]
    assert [case.name for case in cases] == [name for name in first for _ in range(2)]


def test_elsewhere_noise_is_compared_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(export, "project_root", lambda: tmp_path)
    caplog.set_level("INFO")

    alone, _ = find_cases([], Reader(), EXPORTABLE.inputs)

    assert alone.name == "noise"
    assert alone.images.canvas.shape == (1, 3, 480, 640)
    assert alone.images.canvas.std() > 70
    assert "name some with --image" in caplog.text
