"""A TIFF that is read by windows is segmented as the same image at once, and memory does not grow with its height."""

import json
import os
import subprocess
import sys
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from segmentation.large_images import segment_tiff
from segmentation.mask_files import values_of
from segmentation.segmenter import Segmenter
from tests.segmentation.tiny_segmenter import CLASSES, pointwise_segmenter, save_tiny

ROOT = Path(__file__).resolve().parents[2]
SLIDE: dict[str, Any] = {"mode": "slide", "window": (64, 96), "overlap": 0.3}
SLACK = 10_000_000
"""Bytes of buffers and code that are first used on the way."""
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc"
)
KINDS: dict[str, dict[str, Any]] = {
    "tiles": {"tile": (32, 48), "compression": "zlib"},
    "strips": {"rowsperstrip": 20},
    "plain": {},
}


def write(path: Path, pixels: NDArray[np.uint8], **written: Any) -> Path:
    tifffile.imwrite(path, pixels, photometric="rgb", **written)
    return path


def blobs(height: int, width: int) -> NDArray[np.uint8]:
    """Smooth colours (height, width, 3), in which neighbours have the same class."""
    rows, columns = np.mgrid[:height, :width] / 20.0
    waves = [np.sin(rows + k) * np.cos(columns * (1 + k / 3)) for k in range(3)]
    return (128 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def segment(
    segmenter: Segmenter, pixels: NDArray[np.uint8], folder: Path, **written: Any
) -> NDArray[Any]:
    """The mask that is written for these pixels."""
    segment_tiff(segmenter, write(folder / "image.tif", pixels, **written), folder / "mask.tif")
    mask: NDArray[Any] = tifffile.imread(folder / "mask.tif")
    return mask


@pytest.mark.parametrize("kind", KINDS)
def test_windows_of_a_file_are_those_of_the_image_in_memory(kind: str, tmp_path: Path) -> None:
    weights = save_tiny(tmp_path / "tiny.safetensors", inference=SLIDE)
    segmenter = Segmenter.load(weights)
    pixels = np.random.default_rng(0).integers(256, size=(150, 205, 3)).astype(np.uint8)

    mask = segment(segmenter, pixels, tmp_path, **KINDS[kind])

    labels = segmenter.predict([pixels])[0].labels
    assert len(np.unique(labels)) == 3
    np.testing.assert_array_equal(mask, values_of(labels, CLASSES))


@pytest.mark.parametrize("size", [(1, 1), (10, 300), (300, 10), (64, 96), (65, 97), (700, 600)])
def test_any_size_is_segmented(size: tuple[int, int], tmp_path: Path) -> None:
    segmenter, pixels = pointwise_segmenter(inference=SLIDE), blobs(*size)

    mask = segment(segmenter, pixels, tmp_path, tile=(32, 32))

    np.testing.assert_array_equal(mask, values_of(segmenter.predict([pixels])[0].labels, CLASSES))


def test_it_needs_no_setting_to_slide_and_resizes_nothing(tmp_path: Path) -> None:
    plain = pointwise_segmenter()
    changed = pointwise_segmenter(data={"resize": {"test_short": 20}})
    pixels = blobs(600, 530)

    mask = segment(changed, pixels, tmp_path)

    np.testing.assert_array_equal(mask, values_of(plain.predict([pixels])[0].labels, CLASSES))
    assert changed.model.backbone.seen[-1][2:] == (512, 512)


def test_areas_and_an_overview_are_kept(tmp_path: Path) -> None:
    segmenter, pixels = pointwise_segmenter(), blobs(130, 2100)
    rows: list[int] = []

    overview = segment_tiff(
        segmenter,
        write(tmp_path / "a.tif", pixels, tile=(64, 64)),
        tmp_path / "mask.tif",
        advance=rows.append,
    )

    whole = segmenter.predict([pixels])[0]
    assert overview.size == (130, 2100)
    assert overview.pixels.tolist() == whole.pixels.tolist()
    np.testing.assert_array_equal(overview.image, pixels[::2, ::2])
    np.testing.assert_array_equal(overview.labels, whole.labels[::2, ::2])
    assert sum(rows) == 130


def test_an_overview_misses_no_row_between_bands(tmp_path: Path) -> None:
    inference = {"window": (40, 512), "overlap": 0.3}
    segmenter, pixels = pointwise_segmenter(inference=inference), blobs(211, 4100)

    overview = segment_tiff(segmenter, write(tmp_path / "a.tif", pixels), tmp_path / "mask.tif")

    np.testing.assert_array_equal(overview.image, pixels[::3, ::3])
    np.testing.assert_array_equal(overview.labels, segmenter.predict([pixels])[0].labels[::3, ::3])


def test_classes_that_overlap_are_channels_of_one_file(tmp_path: Path) -> None:
    segmenter, pixels = pointwise_segmenter(task="multilabel"), blobs(90, 120)
    source = write(tmp_path / "a.tif", pixels)

    overview = segment_tiff(segmenter, source, tmp_path / "mask.tif")

    whole = segmenter.predict([pixels])[0]
    mask = tifffile.imread(tmp_path / "mask.tif")
    np.testing.assert_array_equal(np.moveaxis(mask, -1, 0), whole.labels)
    np.testing.assert_array_equal(overview.labels, whole.labels)
    assert overview.pixels.tolist() == whole.pixels.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_files_are_segmented_by_grey_models(dtype: type[Any], tmp_path: Path) -> None:
    segmenter, grey = pointwise_segmenter(channels=1), blobs(70, 80)[..., :1]
    stored = grey[..., 0].astype(dtype) * (257 if dtype == np.uint16 else 1)
    tifffile.imwrite(tmp_path / "a.tif", stored)

    segment_tiff(segmenter, tmp_path / "a.tif", tmp_path / "mask.tif")

    labels = segmenter.predict([grey])[0].labels
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "mask.tif"), values_of(labels, CLASSES)
    )


def test_a_damaged_file_leaves_no_mask(tmp_path: Path) -> None:
    source = write(tmp_path / "a.tif", blobs(200, 200), tile=(64, 64), compression="zlib")
    source.write_bytes(source.read_bytes()[:-4000])

    with pytest.raises(ValueError, match=r"a\.tif: cannot be read"):
        segment_tiff(pointwise_segmenter(), source, tmp_path / "masks" / "a.tif")

    assert not (tmp_path / "masks" / "a.tif").exists()


def memory(edge: int, window: int, folder: Path) -> int:
    """Bytes by which the memory of a process grows at most while it segments a square file of tiles."""
    tile, count = blobs(512, 512), -(-edge // 512)
    source, target = folder / "image.tif", folder / "mask.tif"
    shape = {"shape": (edge, edge, 3), "dtype": np.uint8, "tile": tile.shape[:2]}
    tiles = repeat(tile, count * count)
    tifffile.imwrite(source, tiles, photometric="rgb", compression="zlib", maxworkers=1, **shape)
    script = Path(__file__).with_name("large_run.py")
    done = subprocess.run(
        [sys.executable, str(script), str(source), str(target), str(window)],
        # The C library would keep what is freed: counted is what is in use.
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": "65536"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert sum(result["pixels"]) == edge * edge
    with tifffile.TiffFile(target) as mask:
        assert mask.pages[0].shape == (edge, edge)
    return int(result["grown"])


def bound(width: int, window: int) -> int:
    """Bytes for an image of this width, whatever its height: bands of probabilities and of pixels, and the overview."""
    canvas = -(-width // 32) * 32
    probabilities = (8 * len(CLASSES) + 12) * window * canvas
    pixels = 3 * (2 * 512 + 2 * window) * width
    labels = 4 * 512 * width
    return probabilities + pixels + labels + 4 * 2048**2


@needs_proc
def test_memory_is_bounded_far_below_what_the_image_would_take(tmp_path: Path) -> None:
    most = bound(3000, 256) + SLACK
    at_once = 4 * (len(CLASSES) + 1) * 3000**2

    assert most < 0.6 * at_once
    assert memory(3000, 256, tmp_path) < most


@needs_proc
@pytest.mark.slow
def test_twenty_thousand_pixels_squared_are_segmented_in_bounded_memory(tmp_path: Path) -> None:
    most = bound(20_000, 512) + SLACK

    assert most < 3 * 20_000**2 / 2, "of the pixels alone"
    assert memory(20_000, 512, tmp_path) < most
