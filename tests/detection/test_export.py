"""An exported file exists only if it finds what the detector finds, on images that were asked for or come with us."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from detection import export, export_check
from detection.export import export_detector
from tests.detection.small_detector import small_detector


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


def test_without_images_each_data_set_of_the_checkout_gives_one() -> None:
    pictures = export._pictures([], small_detector())

    assert [name for name, _ in pictures] == ["BloodImage_00000.jpg", "000000055299.jpg"]


def test_elsewhere_noise_is_compared_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(export, "project_root", lambda: tmp_path)
    caplog.set_level("INFO")

    ((name, pixels),) = export._pictures([], small_detector())

    assert name == "noise"
    assert pixels.shape == (480, 640, 3)
    assert pixels.std() > 70
    assert "name some with --image" in caplog.text


def test_each_image_is_compared_on_two_canvases_alone_and_with_its_mirror_image() -> None:
    pixels = np.random.default_rng(0).integers(256, size=(96, 128, 3), dtype=np.uint8)

    alone, pair = export._cases("photo", pixels, small_detector())

    assert alone.images.canvas.shape == (1, 3, 96, 128)
    assert pair.images.canvas.shape == (2, 3, 128, 160)
    image, mirrored = pair.images.canvas[..., :96, :128]
    assert torch.equal(image, alone.images.canvas[0])
    assert torch.equal(mirrored, image.flip(-1))
    assert pair.images.sizes.tolist() == [[96, 128]] * 2
