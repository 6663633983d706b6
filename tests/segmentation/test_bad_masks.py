"""Bad input is told before training starts, with the names of the files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumbar.data.pixel_classes import PixelClasses
from segmentation.data import make_datamodule
from segmentation.data_config import MaskDataConfig, MaskSplitConfig
from tests.data.mask_files import write_image, write_mask, write_pairs

SIZE = (12, 16)
CLASSES = {"background": 0, "cell": 1}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three good pairs to train on and to validate."""
    for split in ("train", "val"):
        write_pairs(tmp_path / split, *[np.eye(*SIZE, dtype=np.uint8)] * 3)
    return tmp_path


def set_up(root: Path, *, model: PixelClasses | None = None, **changes: Any) -> None:
    """What happens before the first step of a run."""
    splits = {
        split: MaskSplitConfig(images=f"{split}/images", masks=f"{split}/masks")
        for split in ("train", "val")
    }
    settings = {"root": str(root), "classes": CLASSES, "workers": 0, **splits, **changes}
    config = MaskDataConfig(**settings)
    make_datamodule(config, in_channels=3, seed=0, classes=model).setup("fit")


def as_jpeg(root: Path) -> None:
    (root / "train/masks/1.png").unlink()
    write_mask(root / "train/masks/1.jpg", np.zeros(SIZE, dtype=np.uint8))


def without_cells(root: Path) -> None:
    for number in range(3):
        write_mask(root / f"train/masks/{number}.png", np.zeros(SIZE, dtype=np.uint8))


def emptied(root: Path) -> None:
    for file in (root / "train/images").iterdir():
        file.unlink()


def truncated(name: str) -> Callable[[Path], None]:
    def cut(root: Path) -> None:
        file = root / name
        file.write_bytes(file.read_bytes()[:-28])

    return cut


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "sizes differ": (
        lambda root: write_mask(root / "train/masks/1.png", np.zeros((16, 12), dtype=np.uint8)),
        r"data\.train: .*\n.*train/masks/1\.png: the mask is 12 x 16 pixels, but its image 16 x 12",
    ),
    "undeclared value": (
        lambda root: write_mask(root / "val/masks/2.png", np.full(SIZE, 255, dtype=np.uint8)),
        r"data\.val: .*\n.*masks/2\.png: values that stand for no class: 255 \(192 pixels\): add them to data\.classes",
    ),
    "JPEG": (as_jpeg, r"masks/1\.jpg: .*lossy file \(JPEG\).*save it as PNG where it was drawn"),
    "no foreground": (
        without_cells,
        r"data\.train: there is nothing to learn: of the classes background, cell, no pixel of the 3 masks is cell",
    ),
    "empty folder": (emptied, r"train/images: no image files"),
    "no pair": (
        lambda root: (root / "val/masks/0.png").rename(root / "val/masks/0_mask.png"),
        r"data\.val: .* do not pair up \(2 in all\):\n.*images/0\.png: no mask in .*\n.*0_mask\.png: no image\n.*_mask",
    ),
    "truncated image": (
        truncated("train/images/1.png"),
        r"data\.train: .*\n.*train/images/1\.png: cannot be read",
    ),
    "truncated mask": (truncated("val/masks/1.png"), r"val/masks/1\.png: cannot be read"),
    "not an image": (
        lambda root: (root / "train/images/0.png").write_text("x"),
        r"train/images/0\.png: not an image",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_files_are_named(fault: str, root: Path) -> None:
    spoil, message = FAULTS[fault]
    set_up(root)
    spoil(root)

    with pytest.raises(ValueError, match=message):
        set_up(root)


def test_a_test_split_is_checked_before_training(root: Path) -> None:
    write_pairs(root / "test", np.full(SIZE, 7, dtype=np.uint8))

    with pytest.raises(
        ValueError, match=r"data\.test: .*\n.*test/masks/0\.png: .* 7 \(192 pixels\)"
    ):
        set_up(root, test=MaskSplitConfig(images="test/images", masks="test/masks"))


def test_classes_that_a_model_lacks_are_counted_and_named(root: Path) -> None:
    model = PixelClasses.parse({"background": 0, "nucleus": 1, "dust": 2})

    with pytest.raises(
        ValueError, match=r"data\.train: of the 2 classes of the data, cell are not among the 3 of"
    ):
        set_up(root, model=model)


def test_classes_that_no_mask_shows_are_told_once(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(root, classes=CLASSES | {"dust": 2})

    assert caplog.messages == ["data.train: no pixel of any mask is dust"]


def test_large_images_are_refused(root: Path) -> None:
    with pytest.raises(ValueError, match=r"train/images/0\.png: .*megapixels"):
        set_up(root, max_image_megapixels=1e-5)


def test_many_bad_files_are_counted(root: Path) -> None:
    for number in range(3, 20):
        write_image(root / f"val/images/{number}.png", SIZE)
        write_mask(root / f"val/masks/{number}.png", np.full(SIZE, number, dtype=np.uint8))

    with pytest.raises(ValueError, match=r"\(17 in all\)(?s:.)*and 7 more"):
        set_up(root)
