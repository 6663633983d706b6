"""Labels of a case: every value has a meaning, every voxel lies on that of the image, however files are stored."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbar.data.pixel_classes import IGNORE, PixelClasses
from medical.scans.read import read_volume
from medical.scans.volume import Geometry
from medical.study.cases import Case
from medical.study.truth import UndeclaredError, label, plane_of, read_marks, read_truth
from tests.medical.scans.scan_files import (
    SIGNED_PERMUTATIONS,
    stack_of,
    stored,
    write_scan,
    write_series,
)
from tests.medical.study.studies import case_of, disc, noise, write_picture

CLASSES = PixelClasses.parse({"background": 0, "tumour": 255}, [9])


def picture_case(folder: Path, values: np.ndarray, **options: int) -> Case:
    """A picture of noise with a mask."""
    image = write_picture(folder / "image.png", noise(values.shape[:2], 0))
    return case_of(image, write_picture(folder / "mask.png", values, **options))


def test_values_become_classes(tmp_path: Path) -> None:
    values = np.array([[0, 255, 9], [255, 0, 0]], np.uint8)
    case = picture_case(tmp_path, values)

    truth = read_truth(case, read_volume(case.images), CLASSES)

    assert truth.dtype == np.uint8
    assert truth.tolist() == [[[0, 1, IGNORE], [1, 0, 0]]]


def test_undeclared_values_are_told_with_the_line_that_declares_them(tmp_path: Path) -> None:
    case = picture_case(tmp_path, np.array([[0, 128, 128, 255]], np.uint8))

    with pytest.raises(UndeclaredError, match=r"128 \(2 pixels\)") as error:
        read_truth(case, read_volume(case.images), CLASSES)

    assert "`classes: {background: 0, tumour: 255, class_128: 128}`" in str(error.value)
    assert error.value.counts == {128: 2}


def test_a_mask_with_loss_is_refused(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "image.png", noise((8, 8), 0))
    case = case_of(image, write_picture(tmp_path / "mask.jpg", disc((8, 8), 3) * 255))

    with pytest.raises(ValueError, match="JPEG"):
        read_truth(case, read_volume(case.images), CLASSES)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "image.png", noise((8, 9), 0))
    case = case_of(image, write_picture(tmp_path / "mask.png", np.zeros((9, 8), np.uint8)))

    with pytest.raises(ValueError, match=r"1 x 8 x 9 and 1 x 9 x 8"):
        read_truth(case, read_volume(case.images), CLASSES)


def test_a_mask_of_another_place_is_refused_with_millimetres(tmp_path: Path) -> None:
    affine = np.diag([1.0, 1, 2, 1])
    image = write_scan(tmp_path / "image.nii", noise((8, 9, 4), 0), affine)
    affine[0, 3] = 3.5
    case = case_of(image, write_scan(tmp_path / "mask.nii", np.zeros((8, 9, 4), np.uint8), affine))

    with pytest.raises(ValueError, match=r"3\.5 mm"):
        read_truth(case, read_volume(case.images), CLASSES)


@pytest.mark.parametrize(("axes", "signs"), SIGNED_PERMUTATIONS[::7])
@pytest.mark.parametrize("plane", ["axial", "sagittal", None])
def test_a_mask_stored_otherwise_than_its_image_lies_on_it(
    axes: tuple[int, int, int], signs: tuple[int, ...], plane: None, tmp_path: Path
) -> None:
    affine = np.diag([1.0, 1.2, 3, 1])
    mask = disc((10, 12, 6), 3) * np.uint8(255)
    image = write_scan(tmp_path / "image.nii", mask.astype(np.int16) * 4, affine)
    turned, turned_affine = stored(mask, affine, axes, signs)
    case = case_of(image, write_scan(tmp_path / "mask.nii", turned, turned_affine))
    volume = read_volume(case.images, plane=plane)

    truth = read_truth(case, volume, CLASSES)

    assert np.array_equal(truth == 1, volume.pixels[..., 0] > 0)


def test_numbers_of_objects_are_kept(tmp_path: Path) -> None:
    case = picture_case(tmp_path, np.array([[0, 3, 700]], np.uint16))

    marks = read_marks(
        case, read_volume(case.images), PixelClasses.parse({"background": 0, "cell": "any"})
    )

    assert marks.labels.tolist() == [[[0, 1, 1]]]
    assert marks.codes.tolist() == [[[0, 3, 700]]]


def test_colours_are_looked_up(tmp_path: Path) -> None:
    values = np.zeros((2, 2, 3), np.uint8)
    values[0, 0] = (255, 0, 0)
    case = picture_case(tmp_path, values)
    classes = PixelClasses.parse({"background": [0, 0, 0], "vessel": [255, 0, 0]})

    assert read_truth(case, read_volume(case.images), classes).tolist() == [[[1, 0], [0, 0]]]


def test_a_folder_of_masks_lies_on_its_series(tmp_path: Path) -> None:
    series = write_series(tmp_path / "images/p", stack_of(2), order=[1, 0])
    for number, value in ((1, 255), (0, 0)):
        mask = np.full((128, 128), value, np.uint8)
        write_picture(tmp_path / f"masks/p/IM{number:04d}.png", mask)
    case = Case("p", (series,), tmp_path / "masks/p", "p", "P001-1")

    truth = read_truth(case, read_volume([series]), CLASSES)

    assert truth.mean((1, 2)).tolist() == [1, 0]


def test_a_case_without_a_mask_is_told(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "image.png", noise((8, 8), 0))
    case = Case("image", (image,), None, "image", "P001-1")

    with pytest.raises(ValueError, match="nobody has annotated"):
        read_truth(case, read_volume(case.images), CLASSES)


@given(st.lists(st.integers(-5, 10**6), min_size=1, max_size=50))
def test_each_number_is_a_class_or_counted_as_unknown(numbers: list[int]) -> None:
    values = np.array(numbers)

    labels, unknown = label(values, CLASSES)

    known = {0: 0, 255: 1, 9: IGNORE}
    assert all(labels[k] == known[n] for k, n in enumerate(numbers) if n in known)
    assert sum(unknown.values()) == sum(n not in known for n in numbers)
    assert not {*unknown} & {*known}


def test_large_numbers_are_objects_and_negative_ones_are_not() -> None:
    labels, unknown = label(
        np.array([0, 10**6, -1]), PixelClasses.parse({"background": 0, "cell": "any"})
    )

    assert labels[:2].tolist() == [0, 1]
    assert unknown == {-1: 1}


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_the_plane_of_a_scan_is_that_in_which_it_was_read(plane: str, tmp_path: Path) -> None:
    tilt = np.eye(4)
    tilt[:2, :2] = np.array([[0.8, 0.6], [-0.6, 0.8]])
    image = write_scan(tmp_path / "image.nii", noise((8, 9, 7), 0), tilt)

    assert plane_of(read_volume([image], plane=plane).geometry) == plane
    assert plane_of(None) is None
    assert plane_of(Geometry(np.eye(4)[[2, 1, 0, 3]])) == "axial"
