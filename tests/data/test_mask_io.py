"""Masks are decoded without loss, and every value is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lumbar.data.mask_io import is_turned, mask_size, read_codes, read_labels
from lumbar.data.pixel_classes import IGNORE, PixelClasses
from tests.data.mask_files import write_image, write_mask

SIZE = (12, 17)
CLASSES = PixelClasses.parse({"background": 0, "cell": 3, "rim": [[1], [2]]}, [9])
ORIENTATION = 0x0112


@pytest.fixture
def values() -> Any:
    """(H, W) uint8 with each declared number."""
    return np.random.default_rng(0).choice([0, 1, 2, 3, 9], SIZE).astype(np.uint8)


def palette(values: Any, path: Path, **options: Any) -> None:
    """Writes a palette image, whose colours say nothing."""
    image = Image.fromarray(values).convert("P")
    image.putdata(values.flatten().tolist())
    image.putpalette(np.random.default_rng(1).integers(0, 256, 768).tolist())
    image.save(path, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.tif", {}),
        ("a.tiff", {"compression": "tiff_lzw"}),
        ("a.bmp", {}),
        ("a.pgm", {}),
        ("a.gif", {}),
        ("a.webp", {"lossless": True}),
    ],
)
def test_lossless_kinds_give_their_numbers(
    name: str, options: dict[str, Any], values: Any, tmp_path: Path
) -> None:
    grey = values if not name.endswith("webp") else np.repeat(values[..., None], 3, axis=2)
    write_mask(tmp_path / name, grey, **options)

    labels = read_labels(tmp_path / name, CLASSES)

    assert labels.dtype == np.uint8
    assert np.array_equal(labels, np.array([0, 2, 2, 1, *[0] * 5, IGNORE])[values])
    assert mask_size(tmp_path / name) == SIZE


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_a_palette_is_read_as_indices_or_as_what_one_sees(
    name: str, values: Any, tmp_path: Path
) -> None:
    palette(values, tmp_path / name, optimize=False)
    with Image.open(tmp_path / name) as image:
        seen = np.asarray(image.convert("RGB")).astype(int)

    assert np.array_equal(read_codes(tmp_path / name, coloured=False), values)
    codes = read_codes(tmp_path / name, coloured=True)
    assert np.array_equal(codes, seen @ [65536, 256, 1])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_wide_numbers_are_kept(dtype: type[Any], tmp_path: Path) -> None:
    values = np.array([[0, 255, 256, 65535]], dtype=dtype)
    path = write_mask(tmp_path / "a.tif", values)
    objects = PixelClasses.parse({"background": 0, "cell": "any"})

    assert read_codes(path, coloured=False).tolist() == values.tolist()
    assert read_labels(path, objects).tolist() == [[0, 1, 1, 1]]


def test_bits_are_zero_and_one(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", np.array([[True, False]]))

    assert read_codes(path, coloured=False).tolist() == [[1, 0]]


def test_colours_are_classes(tmp_path: Path) -> None:
    classes = PixelClasses.parse(
        {"road": [128, 64, 128], "car": [[0, 0, 142], [0, 0, 70]]}, [[0, 0, 0]]
    )
    pixels = np.array([[(128, 64, 128), (0, 0, 142), (0, 0, 70), (0, 0, 0)]], dtype=np.uint8)
    opaque = np.concatenate((pixels, np.full((1, 4, 1), 255, np.uint8)), axis=2)

    for values in (pixels, opaque):
        path = write_mask(tmp_path / "a.png", values)
        assert read_labels(path, classes).tolist() == [[0, 1, 1, IGNORE]]


def test_grey_in_three_channels_is_grey(values: Any, tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", np.repeat(values[..., None], 3, axis=2))

    assert np.array_equal(read_codes(path, coloured=False), values)


def test_the_file_of_one_class_is_of_it_or_not(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", np.array([[0, 3, 9]], dtype=np.uint8))

    assert read_labels(path, CLASSES, alone=1).tolist() == [[0, 1, IGNORE]]


def test_masks_turn_as_their_exif_says(values: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = write_mask(tmp_path / "a.png", values, exif=exif)

    assert mask_size(path) == SIZE[::-1]
    assert np.array_equal(read_codes(path, coloured=False), np.rot90(values, -1))
    assert is_turned(path)
    assert not is_turned(write_image(tmp_path / "b.png", SIZE))


LOSSY: list[tuple[str, dict[str, Any]]] = [
    ("a.jpg", {"quality": 100}),
    ("a.webp", {"quality": 100}),
    ("b.webp", {"quality": 100, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    ("a.tif", {"compression": "jpeg"}),
]


@pytest.mark.parametrize(("name", "options"), LOSSY)
def test_lossy_masks_are_refused_from_their_headers(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = write_image(tmp_path / name, SIZE, **options)

    for read in (mask_size, lambda path: read_labels(path, CLASSES)):
        with pytest.raises(ValueError, match=rf"{name}: .*lossy file.*save it as PNG"):
            read(path)


def test_an_animation_of_lossy_images_is_lossy(tmp_path: Path) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=False)

    with pytest.raises(ValueError, match="lossy"):
        mask_size(tmp_path / "a.webp")


def test_values_without_a_class_are_named_with_their_counts(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", np.array([[0, 4, 255, 255, 3]], dtype=np.uint8))

    with pytest.raises(
        ValueError, match=r"a\.png: .*: 255 \(2 pixels\), 4 \(1 pixels\): add them to data\.classes"
    ):
        read_labels(path, CLASSES)
    coloured = PixelClasses.parse({"road": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"\[4, 4, 4\] \(1 pixels\)"):
        read_labels(path, coloured)


def test_smeared_values_are_called_so(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", np.arange(100, dtype=np.uint8)[None])

    with pytest.raises(ValueError, match=r"and 83 more.*resized smoothly"):
        read_labels(path, CLASSES)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.array([[(1, 2, 3)]], np.uint8), "a mask in colours, but data.classes has numbers"),
        (np.array([[(1, 1, 1, 9)]], np.uint8), "transparent"),
        (np.array([[70000]], np.int32), "values from 70000 to 70000, but masks have 0 to 65535"),
        (np.array([[-1]], np.int32), "values from -1"),
        (np.array([[0.5]], np.float32), "not F"),
    ],
)
def test_other_pixels_are_refused(pixels: Any, message: str, tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.tif", pixels)

    with pytest.raises(ValueError, match=rf"a\.tif.*{message}"):
        read_labels(path, CLASSES)


def test_large_damaged_and_missing_masks_are_named(values: Any, tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", values)
    with pytest.raises(ValueError, match=r"a\.png.*limit of 1e-05 megapixels"):
        read_labels(path, CLASSES, max_megapixels=1e-5)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"a\.png: cannot be read"):
        read_labels(path, CLASSES)
    with pytest.raises(ValueError, match=r"b\.png: no such"):
        mask_size(tmp_path / "b.png")
