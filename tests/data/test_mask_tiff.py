"""Masks that were written in bands are read back whole, by others, too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.mask_tiff import write_mask


def bands(mask: NDArray[Any], step: int) -> Iterator[NDArray[Any]]:
    return (mask[top : top + step] for top in range(0, len(mask), step))


def random_mask(*shape: int, dtype: type[np.unsignedinteger[Any]] = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(0).integers(200, size=shape).astype(dtype)


@pytest.mark.parametrize("step", [1, 300, 700, 2000])
@pytest.mark.parametrize("shape", [(1100, 700), (512, 512), (40, 1030), (600, 30, 5)])
def test_bands_of_any_height_become_the_mask(
    shape: tuple[int, ...], step: int, tmp_path: Path
) -> None:
    mask = random_mask(*shape)

    write_mask(tmp_path / "new" / "a.tif", bands(mask, step), shape=shape)

    np.testing.assert_array_equal(tifffile.imread(tmp_path / "new" / "a.tif"), mask)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.tif"]


def test_it_is_tiled_compressed_and_shown_in_its_colours(tmp_path: Path) -> None:
    mask = np.zeros((1000, 1200), np.uint8)
    mask[300:, 500:] = 7
    palette = np.zeros((256, 3), np.uint8)
    palette[7] = (230, 159, 0)

    write_mask(tmp_path / "a.tif", bands(mask, 100), shape=mask.shape, palette=palette)

    assert (tmp_path / "a.tif").stat().st_size < mask.size / 50
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.pages[0].is_tiled, file.is_bigtiff) == (True, False)
    with Image.open(tmp_path / "a.tif") as image:
        np.testing.assert_array_equal(np.asarray(image), mask)
        assert image.convert("RGB").getpixel((700, 700)) == (230, 159, 0)


def test_numbers_beyond_255_are_kept(tmp_path: Path) -> None:
    mask = random_mask(90, 80, dtype=np.uint16) * 300

    write_mask(tmp_path / "a.tif", bands(mask, 32), shape=mask.shape)

    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), mask)


def test_a_mask_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[NDArray[Any]]:
        yield random_mask(600, 20)
        raise ValueError("the image is damaged")

    with pytest.raises(ValueError, match="damaged"):
        write_mask(tmp_path / "a.tif", broken(), shape=(1200, 20))

    assert not list(tmp_path.iterdir())
