"""Masks in a folder lie where the slices of the series do whose names they have, in whatever order these are stored."""

from pathlib import Path

import numpy as np
import pytest

from medical.scans.read import read_volume
from medical.study.mask_slices import read_mask_slices
from tests.medical.scans.scan_files import stack_of, write_series
from tests.medical.study.studies import write_picture

COUNT = 4


def write_masks(folder: Path, order: list[int]) -> Path:
    """Writes masks (128, 128) whose value is one more than the place of the slice, by the names of `write_series`."""
    for place, number in enumerate(order):
        mask = np.full((128, 128), place + 1, np.uint8)
        mask[0] = 0
        write_picture(folder / f"IM{number:04d}.png", mask)
    return folder


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 3, 1]])
@pytest.mark.parametrize("plane", [None, "coronal"])
def test_each_mask_lies_on_its_slice(order: list[int], plane: None, tmp_path: Path) -> None:
    series = write_series(tmp_path / "s", stack_of(COUNT), order=order)
    volume = read_volume([series], plane=plane)

    mask = read_mask_slices(write_masks(tmp_path / "m", order), volume, coloured=False)

    assert mask.shape == volume.shape
    stored = volume.layout.undo(mask.pixels[..., 0])
    assert sorted({*stored[stored > 0].tolist()}) == [1, 2, 3, 4]
    heights = volume.geometry.affine[2]
    places = np.argwhere(mask.pixels[..., 0] > 0)
    values = mask.pixels[..., 0][tuple(places.T)]
    upwards = places @ heights[:3] + heights[3]
    assert np.allclose(upwards, -75.7 + 2.5 * (values.astype(float) - 1))


def test_names_that_differ_are_refused(tmp_path: Path) -> None:
    volume = read_volume([write_series(tmp_path / "s", stack_of(COUNT))])
    folder = write_masks(tmp_path / "m", [0, 1, 2, 3])
    (folder / "IM0003.png").rename(folder / "third.png")

    with pytest.raises(ValueError, match=r"IM0003\.dcm: no mask") as error:
        read_mask_slices(folder, volume, coloured=False)

    assert "third.png: no slice" in str(error.value)


def test_pictures_of_other_sizes_are_refused(tmp_path: Path) -> None:
    volume = read_volume([write_series(tmp_path / "s", stack_of(COUNT))])
    folder = write_masks(tmp_path / "m", [0, 1, 2, 3])
    write_picture(folder / "IM0002.png", np.zeros((8, 8), np.uint8))

    with pytest.raises(ValueError, match="different sizes"):
        read_mask_slices(folder, volume, coloured=False)


def test_only_a_series_has_a_folder_of_masks(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png", np.zeros((8, 8), np.uint8))

    with pytest.raises(ValueError, match="for a DICOM series"):
        read_mask_slices(tmp_path, read_volume([picture]), coloured=False)
