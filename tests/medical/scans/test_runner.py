"""The runner predicts by an ONNX file as people call it, and says what is wrong with an export."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumbar.data.mask_io import read_labels
from medical.scans.runner import MODEL, SETTINGS, load_predictor, main
from tests.conftest import ROOT
from tests.medical.scans.made_up import settings, volume
from tests.medical.scans.onnx_export import CLASSES, write_export


def run(export: Path, arguments: list[str]) -> int:
    """As people call it, on one thread."""
    return main(export, [*arguments, "--threads", "1"])


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write_export(tmp_path / "export", settings(flips=("horizontal",)))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two noisy pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(volume(1, 30, 40, 1, seed=number).pixels[0, ..., 0]).save(
            folder / f"{number}.png"
        )
    return folder


def test_masks_show_what_the_network_finds(export: Path, pictures: Path, tmp_path: Path) -> None:
    code = run(export, [str(pictures), "--output", str(tmp_path / "out")])

    assert code == 0
    for number in range(2):
        labels = read_labels(tmp_path / "out" / "masks" / f"{number}.png", CLASSES)
        pixels = np.asarray(Image.open(pictures / f"{number}.png"))
        np.testing.assert_array_equal(labels, pixels >= 127.5)
    assert (tmp_path / "out" / "predictions.csv").is_file()
    assert not (tmp_path / "out" / "probabilities").exists()


def test_maps_are_written_when_wanted(export: Path, pictures: Path, tmp_path: Path) -> None:
    assert run(export, [str(pictures), "--output", str(tmp_path / "out"), "--maps"]) == 0

    maps = np.asarray(Image.open(tmp_path / "out" / "probabilities" / "0_bright.png"))
    pixels = np.asarray(Image.open(pictures / "0.png"))
    np.testing.assert_allclose(maps / 65535, pixels / 255, atol=1e-5)


def test_what_cannot_be_done_is_told_with_exit_code_1(
    export: Path, pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (pictures / "bad.png").write_bytes(b"?")

    assert run(export, [str(pictures), "--output", str(tmp_path / "out")]) == 1
    assert "error: 1 of 3 scans are not predicted:" in caplog.text
    assert run(export, ["gone", "--output", str(tmp_path / "out")]) == 1
    assert "error: gone: no scan there" in caplog.text
    assert run(export, [str(pictures), "--output", str(tmp_path / "2"), "--batch", "0"]) == 1
    assert "error: batch 0: at least one tile" in caplog.text


def test_batches_change_nothing(export: Path) -> None:
    scan = volume(3, 50, 60, 1)

    found = load_predictor(export, batch=1, threads=1)(scan)

    np.testing.assert_allclose(
        found.probabilities,
        load_predictor(export, batch=7, threads=1)(scan).probabilities,
        atol=1e-6,
    )


def test_a_file_of_another_export_is_refused(export: Path) -> None:
    with (export / MODEL).open("ab") as file:
        file.write(b"\0")

    with pytest.raises(ValueError, match=r"model\.onnx is not the file that preprocess\.json"):
        load_predictor(export)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "no settings of an export"),
        ("{}", r"no settings of an export \('preprocess'\)"),
    ],
)
def test_damaged_settings_are_named(export: Path, text: str, message: str) -> None:
    (export / SETTINGS).write_text(text)

    with pytest.raises(ValueError, match=rf"preprocess\.json: {message}"):
        load_predictor(export)


@pytest.mark.parametrize("name", [MODEL, SETTINGS])
def test_missing_files_are_named(export: Path, name: str) -> None:
    (export / name).unlink()

    with pytest.raises(ValueError, match=f"{name}: no such file"):
        load_predictor(export)


def test_settings_of_another_version_are_refused(tmp_path: Path) -> None:
    saved = settings().to_dict() | {"more": 1}
    export = write_export(tmp_path / "export", settings(), preprocess=saved)

    with pytest.raises(ValueError, match="expected Preprocess with"):
        load_predictor(export)
    assert "more" in json.loads((export / SETTINGS).read_text())["preprocess"]


def test_it_imports_neither_torch_nor_what_needs_it() -> None:
    code = (
        "import sys, medical.scans.runner as r; r._parser();"
        "sys.exit(' '.join({'torch', 'lightning', 'pydantic', 'scipy', 'rich'} & {*sys.modules}) or 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
