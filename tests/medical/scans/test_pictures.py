"""Pictures keep their bits, and masks their values."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medical.scans.pictures import read_picture, read_picture_mask
from medical.scans.volume import Volume

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (3, 7, 9), np.uint8)
DEEP = RANDOM.integers(0, 65536, (3, 7, 9)).astype(np.uint16)
COLOURS = RANDOM.integers(0, 256, (3, 7, 9, 3), np.uint8)
ORIENTATION = 0x0112


def read(path: Path, max_megapixels: float = 1.0) -> Volume:
    return read_picture(path, max_megapixels=max_megapixels)


def read_mask(path: Path, coloured: bool | None = None) -> Volume:
    return read_picture_mask(path, coloured=coloured, max_megapixels=1.0)


def save(path: Path, *pages: Any, **options: Any) -> Path:
    """Writes arrays, the pages of a TIFF."""
    first, *rest = map(Image.fromarray, pages)
    first.save(path, **({"save_all": True, "append_images": rest} if rest else {}), **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
@pytest.mark.parametrize("pixels", [GREY[0], COLOURS[0]])
def test_eight_bits_are_kept(name: str, pixels: Any, tmp_path: Path) -> None:
    volume = read(save(tmp_path / name, pixels))

    assert np.array_equal(volume.pixels, pixels.reshape(1, 7, 9, -1))
    assert (volume.kind, volume.geometry, volume.bits) == ("picture", None, 8)
    assert volume.colour == (pixels.ndim == 3)
    assert volume.files == (tmp_path / name,)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_kept(name: str, tmp_path: Path) -> None:
    volume = read(save(tmp_path / name, DEEP[0]))

    assert np.array_equal(volume.pixels[0, ..., 0], DEEP[0])
    assert volume.pixels.dtype == np.uint16
    assert (volume.bits, volume.colour) == (16, False)


def test_signed_and_real_numbers_of_tiff_are_kept(tmp_path: Path) -> None:
    signed = DEEP[0].astype(np.int32) - 40000
    assert np.array_equal(read(save(tmp_path / "a.tif", signed)).pixels[0, ..., 0], signed)
    real = (DEEP[0] / 7).astype(np.float32)
    real[0, 0] = np.nan
    pixels = read(save(tmp_path / "b.tif", real)).pixels[0, ..., 0]
    assert pixels.dtype == np.float32
    assert pixels[0, 0] == np.nanmin(real)
    assert np.array_equal(pixels[1:], real[1:])


@pytest.mark.parametrize("pages", [GREY, DEEP, COLOURS])
@pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate", "tiff_lzw"])
def test_pages_of_a_tiff_are_slices(pages: Any, compression: Any, tmp_path: Path) -> None:
    volume = read(save(tmp_path / "a.tif", *pages, compression=compression))

    assert np.array_equal(volume.pixels, pages.reshape(3, 7, 9, -1))
    assert volume.pixels.dtype == pages.dtype


def test_a_jpeg_is_read_as_pillow_decodes_it(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", COLOURS[0])

    with Image.open(path) as image:
        assert np.array_equal(read(path).pixels[0], np.asarray(image))


@pytest.mark.parametrize("mode", ["RGBA", "CMYK", "P", "LA", "1"])
def test_other_modes_become_grey_or_rgb(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(COLOURS[0]).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)

    channels = 1 if mode in ("LA", "1") else 3
    expected = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    assert np.array_equal(read(path).pixels, expected.reshape(1, 7, 9, channels))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_pictures_are_turned_upright(orientation: int, *, deep: bool, tmp_path: Path) -> None:
    image = Image.fromarray((DEEP if deep else GREY)[0])
    exif = image.getexif()
    exif[ORIENTATION] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    turns: Any = [
        lambda x: x,
        np.fliplr,
        lambda x: x[::-1, ::-1],
        np.flipud,
        np.transpose,
        lambda x: np.rot90(x, -1),
        lambda x: x[::-1, ::-1].T,
        np.rot90,
    ]
    upright = turns[orientation - 1](np.asarray(image))

    assert np.array_equal(read(tmp_path / "a.png").pixels[0, ..., 0], upright)
    assert np.array_equal(read_mask(tmp_path / "a.png").pixels[0, ..., 0], upright)


def test_large_pictures_are_refused_by_their_header(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.zeros((100, 100), np.uint8))
    for reader in (read_picture, lambda p, **o: read_picture_mask(p, coloured=None, **o)):
        assert reader(path, max_megapixels=0.01).shape == (1, 100, 100)
        with pytest.raises(ValueError, match=f"{path}: .*1 x 100 x 100 voxels: the limit is 0.009"):
            reader(path, max_megapixels=0.009)
    pages = save(tmp_path / "b.tif", *np.zeros((12, 100, 100), np.uint8))
    with pytest.raises(ValueError, match="12 x 100 x 100 voxels"):
        read(pages, 0.01)


def test_pages_that_are_no_slices_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", GREY[0], GREY[1, :5])
    with pytest.raises(ValueError, match=f"{path}: .*9 x 7 on the first and 9 x 5 on page 2"):
        read(path)
    path = save(tmp_path / "b.tif", GREY[0], COLOURS[0])
    with pytest.raises(ValueError, match="some of its pages are grey and some are in colours"):
        read(path)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.bmp"])
@pytest.mark.parametrize("share", [0, 0.1, 0.8])
def test_truncated_files_are_named(name: str, share: float, tmp_path: Path) -> None:
    path = save(tmp_path / name, RANDOM.integers(0, 256, (40, 40), np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(ValueError, match=f"^{path}: "):
        read(path)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_no_page_of_a_truncated_tiff_is_lost(compression: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", *DEEP, compression=compression)
    content = path.read_bytes()
    for kept in range(0, len(content), 3):
        path.write_bytes(content[:kept])
        for reader in (read, read_mask):
            try:
                pixels = reader(path).pixels[..., 0]
            except ValueError as error:
                assert str(error).startswith(f"{path}: ")  # noqa: PT017 - most lengths are refused
            else:
                assert np.array_equal(pixels, DEEP)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, bool])
@pytest.mark.parametrize("count", [1, 3])
def test_numbers_of_masks_are_kept(dtype: Any, count: int, tmp_path: Path) -> None:
    pages = (DEEP % 2 if dtype is bool else DEEP % 200).astype(dtype)[:count]

    mask = read_mask(save(tmp_path / "a.tif", *pages))

    assert np.array_equal(mask.pixels[..., 0], pages)
    assert mask.pixels.dtype == np.uint8


def palette(path: Path, pages: Any) -> Path:
    """Writes indices with the colours (n, 255 - n, 7)."""
    images = [Image.fromarray(page) for page in pages]
    for image in images:
        image.putpalette([value for n in range(256) for value in (n, 255 - n, 7)])
    images[0].save(
        path, **({"save_all": True, "append_images": images[1:]} if len(images) > 1 else {})
    )
    return path


@pytest.mark.parametrize("count", [1, 3])
def test_a_palette_is_indices_or_colours(count: int, tmp_path: Path) -> None:
    path = palette(tmp_path / "a.tif", GREY[:count])

    assert np.array_equal(read_mask(path).pixels[..., 0], GREY[:count])
    assert np.array_equal(read_mask(path, coloured=False).pixels[..., 0], GREY[:count])
    seen = np.stack([GREY, 255 - GREY, np.full_like(GREY, 7)], axis=3)[:count]
    assert np.array_equal(read_mask(path, coloured=True).pixels, seen)


@pytest.mark.parametrize("count", [1, 3])
def test_colours_of_masks_are_kept(count: int, tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", *COLOURS[:count])

    for coloured in (None, True):
        mask = read_mask(path, coloured)
        assert np.array_equal(mask.pixels, COLOURS[:count])
        assert mask.colour
    with pytest.raises(ValueError, match=f"{path}: "):
        read_mask(path, coloured=False)


@pytest.mark.parametrize("count", [1, 3])
def test_greys_in_an_rgb_file_are_numbers(count: int, tmp_path: Path) -> None:
    greys = np.repeat(GREY[..., None], 3, axis=3)
    path = save(tmp_path / "a.tif", *greys[:count])

    assert np.array_equal(read_mask(path).pixels, greys[:count, ..., :1])
    assert read_mask(path, coloured=True).pixels.shape == (count, 7, 9, 3)


def test_masks_in_lossy_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.jpg: .*lossy file .JPEG.*save it as PNG"):
        read_mask(save(tmp_path / "a.jpg", GREY[0]))
    pages = save(tmp_path / "a.tif", *COLOURS, compression="jpeg")
    with pytest.raises(ValueError, match=r"a\.tif: .*lossy file"):
        read_mask(pages)


def test_fractions_are_no_labels(tmp_path: Path) -> None:
    pages = (GREY / 255).astype(np.float32)
    with pytest.raises(ValueError, match="whole numbers"):
        read_mask(save(tmp_path / "a.tif", *pages))
    with pytest.raises(ValueError, match=r"b\.tif: "):
        read_mask(save(tmp_path / "b.tif", pages[0]))
