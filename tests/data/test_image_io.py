"""Every kind of image becomes upright 8-bit RGB; every damaged one becomes a ValueError that names its file."""

import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.image_io import image_size, list_images, read_image, resolve_inside
from tests.conftest import ROOT

ORIENTATION_TAG = 0x0112
LOSSLESS = {"bmp": {}, "png": {}, "ppm": {}, "tiff": {}, "webp": {"lossless": True}}

# How a camera that was held in each of the eight ways stores an upright picture.
STORED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image, -1),
}


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_files_give_their_pixels(
    suffix: str, tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path, **LOSSLESS[suffix])

    image = read_image(path)

    assert image.dtype == np.uint8
    assert image.flags.writeable
    np.testing.assert_array_equal(image, pixels)
    assert image_size(path) == (5, 7)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_orientation_is_applied(
    suffix: str, orientation: int, tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    stored = np.ascontiguousarray(STORED[orientation](pixels))
    Image.fromarray(stored).save(path, exif=exif, **LOSSLESS[suffix])

    np.testing.assert_array_equal(read_image(path), pixels)
    assert image_size(path) == (5, 7)


def test_orientation_of_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    Image.new("RGB", (40, 16)).save(path, exif=exif)

    assert read_image(path).shape == (40, 16, 3)
    assert image_size(path) == (40, 16)


def pillow(path: Path) -> NDArray[np.uint8] | None:
    """What Pillow alone makes of an upright photograph; None where it refuses it."""
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError):
        return None


PHOTO = min((ROOT / "examples" / "coco" / "images").glob("*.jpg"))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_photos_have_the_pixels_of_pillow(
    subsampling: str, progressive: bool, tmp_path: Path
) -> None:
    """To the last bit, whichever library has decoded them."""
    path = tmp_path / "a.jpg"
    photo = Image.open(PHOTO)
    for size, quality in [((157, 93), 90), ((16, 17), 30), ((1, 1), 75)]:
        photo.resize(size).save(
            path, quality=quality, subsampling=subsampling, progressive=progressive
        )
        np.testing.assert_array_equal(read_image(path), pillow(path))
    np.testing.assert_array_equal(read_image(PHOTO), pillow(PHOTO))


def test_damaged_photos_have_the_pixels_of_pillow_or_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.open(PHOTO).resize((48, 33)).save(path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        expected = pillow(path)
        if expected is None:
            refused += 1
            with pytest.raises(ValueError, match=r"a\.jpg"):
                read_image(path)
        else:
            np.testing.assert_array_equal(read_image(path), expected)
    assert 0 < refused < 60


def test_broken_exif_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 4)).save(path, exif=b"Exif\0\0nonsense")

    assert read_image(path).shape == (4, 8, 3)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_scale_to_the_8_bits_they_came_from(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(grey * 257).save(path)

    np.testing.assert_array_equal(read_image(path, channels=1)[..., 0], grey)
    np.testing.assert_array_equal(read_image(path), np.stack([grey] * 3, axis=-1))


def test_of_16_bit_colours_the_higher_byte_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    colours = np.array([[0x1234, 0x56FF, 0xFFFF]], dtype=">u2")
    path.write_bytes(_png((1, 1), bits=16, pixels=b"\0" + colours.tobytes()))

    assert read_image(path).tolist() == [[[0x12, 0x56, 0xFF]]]


def test_32_bits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    for values in (np.float32([[0.5]]), np.int32([[70000]])):
        Image.fromarray(values).save(path)
        with pytest.raises(ValueError, match="8 or 16 bits"):
            read_image(path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_show_what_the_picture_shows(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = Image.new("RGB", (6, 4), "white")
    image.paste((0, 0, 0), (0, 0, 3, 4))
    image.convert(mode).save(path)

    np.testing.assert_array_equal(read_image(path), np.asarray(image))
    np.testing.assert_array_equal(read_image(path, channels=1), np.asarray(image)[..., :1])


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_one_pixel_is_an_image(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (1, 1), (10, 20, 30)).save(path, **LOSSLESS[suffix])

    assert read_image(path).tolist() == [[[10, 20, 30]]]
    assert image_size(path) == (1, 1)


def test_transparent_palettes_keep_their_colours(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    image.save(path, transparency=bytes([0, 128]))

    assert read_image(path).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_cmyk_photos_become_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (16, 16), (200, 30, 60)).convert("CMYK").save(path, quality=100)

    assert np.abs(read_image(path).astype(int) - (200, 30, 60)).max() <= 3


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    # The header alone: decoding would complain of missing pixels instead.
    path = tmp_path / "a.png"
    path.write_bytes(_png((9000, 9000)))

    with pytest.raises(ValueError, match=r"a\.png.*9000 x 9000.*limit of 80"):
        read_image(path, max_megapixels=80)
    with pytest.raises(ValueError, match=r"a\.png: cannot be read: .*truncated"):
        read_image(path, max_megapixels=82)


@pytest.mark.parametrize("size", [(20_000, 15_000), (50_000, 50_000)])
def test_beyond_the_limit_of_pillow_no_setting_helps(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_png(size))

    for read in (read_image, partial(read_image, max_megapixels=1e9), image_size):
        with pytest.raises(ValueError, match=r"a\.png: .*exceeds limit.* cut it into tiles"):
            read(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp", "bmp", "gif"])
def test_half_a_file_is_named(suffix: str, tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.tile(pixels, (9, 9, 1))).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(ValueError, match=rf"a\.{suffix}: "):
        read_image(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    suffix=st.sampled_from(["jpg", "png", "tiff", "webp", "bmp", "gif"]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    end=st.integers(0, 2000),
)
@pytest.mark.filterwarnings("ignore")
def test_damage_is_a_value_error(
    tmp_path: Path, suffix: str, changes: list[tuple[int, int]], end: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.linear_gradient("L").resize((24, 16)).convert("RGB").save(path)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content[:end])

    for read in (read_image, image_size):
        try:
            read(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017 - most damaged files still open


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    script = tmp_path / "a.jpg"
    script.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")

    with pytest.raises(ValueError, match=r"a\.jpg: not an image of the kinds .*JPEG, PNG"):
        read_image(script)
    with pytest.raises(ValueError, match=r"b\.jpg: no such image file"):
        read_image(tmp_path / "b.jpg")
    with pytest.raises(ValueError, match="1 or 3 channels, not 4"):
        read_image(script, channels=4)


def test_images_of_a_folder_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("b.JPG", "sub/a.png", "a.tif", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert list_images(tmp_path) == ["a.tif", "b.JPG", "sub/a.png"]


def test_names_stay_inside_the_folder(tmp_path: Path) -> None:
    assert resolve_inside(tmp_path, "train/a..b.jpg") == tmp_path / "train" / "a..b.jpg"


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a.jpg", "a/../../b", "..\\a.jpg", "a\0b"])
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leads out of"):
        resolve_inside(tmp_path, name)


def _png(size: tuple[int, int], *, bits: int = 8, pixels: bytes = b"\0" * 64) -> bytes:
    """An RGB file with the header of this width and height, and these pixels, which may be too few."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", *size, bits, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(pixels)),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
