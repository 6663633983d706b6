"""Rows of a TIFF file are those of the whole image, however it is stored, and as few as possible are in memory."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lumbar.data.image_io import read_image
from lumbar.data.windowed_tiff import open_tiff, tiff_size

SIZE = (75, 110)
STORED: dict[str, dict[str, Any]] = {
    "tiles": {"tile": (32, 16)},
    "deflate": {"tile": (16, 64), "compression": "zlib"},
    "predictor": {"tile": (32, 32), "compression": "zlib", "predictor": True},
    "strips": {"rowsperstrip": 10},
    "one strip": {},
    "one deflated strip": {"compression": "zlib", "rowsperstrip": 75},
    "planes": {"tile": (32, 32), "planarconfig": "separate"},
    "plain planes": {"planarconfig": "separate"},
    "big-endian": {"byteorder": ">"},
    "big-endian tiles": {"byteorder": ">", "tile": (32, 32), "compression": "zlib"},
    "bigtiff": {"bigtiff": True, "tile": (32, 32)},
}
has_codecs = importlib.util.find_spec("imagecodecs") is not None


def noise(*shape: int, dtype: type[np.unsignedinteger[Any]] = np.uint8) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    return rng.integers(np.iinfo(dtype).max, size=shape, dtype=dtype, endpoint=True)


def whole(path: Path, *, channels: int = 3, step: int = 20) -> NDArray[np.uint8]:
    """The image in bands of so many rows."""
    with open_tiff(path, channels=channels) as image:
        height = image.size[0]
        bands = [image.rows(top, min(top + step, height)) for top in range(0, height, step)]
    return np.concatenate(bands)


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_every_layout_has_the_same_pixels(
    samples: int, dtype: type[np.unsignedinteger[Any]], kind: str, tmp_path: Path
) -> None:
    pixels = noise(*SIZE, samples, dtype=dtype)
    settings = dict(STORED[kind])
    if samples == 1:
        settings.pop("planarconfig", None)
        stored = pixels[..., 0]
    else:
        is_split = settings.get("planarconfig") == "separate"
        stored = np.ascontiguousarray(np.moveaxis(pixels, -1, 0)) if is_split else pixels
    photometric = "minisblack" if samples == 1 else "rgb"
    extra = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric, **extra, **settings)

    expected = pixels[..., :3]
    if dtype == np.uint16:
        expected = (expected >> 8) if samples > 1 else ((expected.astype(int) + 128) // 257)
    expected = np.broadcast_to(expected, (*SIZE, 3))
    np.testing.assert_array_equal(whole(tmp_path / "a.tif"), expected)
    assert tiff_size(tmp_path / "a.tif") == SIZE


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_that_are_read_at_once(channels: int, mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    colours = Image.fromarray(noise(*SIZE, 4))
    image = (
        Image.fromarray(noise(*SIZE, dtype=np.uint16)) if mode == "I;16" else colours.convert(mode)
    )
    image.save(path)

    np.testing.assert_array_equal(
        whole(path, channels=channels), read_image(path, channels=channels)
    )


@pytest.mark.parametrize("compression", ["packbits", "tiff_deflate", "tiff_adobe_deflate"])
def test_common_compressions_need_no_other_package(compression: str, tmp_path: Path) -> None:
    pixels = noise(*SIZE, 3)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)

    np.testing.assert_array_equal(whole(tmp_path / "a.tif"), pixels)


def test_inverted_grey_is_turned_back(tmp_path: Path) -> None:
    pixels = noise(*SIZE)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite", tile=(16, 16))

    assert np.array_equal(whole(tmp_path / "a.tif"), read_image(tmp_path / "a.tif"))
    assert np.array_equal(whole(tmp_path / "a.tif", channels=1)[..., 0], 255 - pixels)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 74), st.integers(1, 40)), min_size=1, max_size=5))
def test_any_rows_can_be_read_in_any_order(tmp_path: Path, wanted: list[tuple[int, int]]) -> None:
    pixels, path = noise(*SIZE, 3), tmp_path / "a.tif"
    if not path.exists():
        tifffile.imwrite(path, pixels, photometric="rgb", tile=(16, 32), compression="zlib")
    with open_tiff(path) as image:
        for start, count in wanted:
            rows = image.rows(start, start + count)
            np.testing.assert_array_equal(rows, pixels[start : start + count])
            assert sum(len(held) for held in image._held.values()) <= count + 2 * 16


def test_tiles_are_decoded_once_on_the_way_down(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(*SIZE, 3), photometric="rgb", tile=(16, 32))

    with open_tiff(tmp_path / "a.tif") as image:
        image.rows(0, 40)
        before = dict(image._held)
        image.rows(30, 70)
        assert set(before) == {0, 1, 2}
        assert set(image._held) == {1, 2, 3, 4}
        assert all(image._held[number] is before[number] for number in (1, 2))


def test_rows_below_the_image_are_none(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(64, 20, 3), photometric="rgb", tile=(32, 32))

    with open_tiff(tmp_path / "a.tif") as image:
        assert image.rows(60, 80).shape == (4, 20, 3)
        assert image.rows(64, 80).shape == (0, 20, 3)


def test_of_a_pyramid_the_full_resolution_is_read(tmp_path: Path) -> None:
    pixels, path = noise(*SIZE, 3), tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(pixels[::4, ::4], photometric="rgb")
        file.write(pixels, photometric="rgb", tile=(32, 32), subifds=1)
        file.write(pixels[::2, ::2], photometric="rgb", subfiletype=1)
        file.write(255 - pixels, photometric="rgb")

    np.testing.assert_array_equal(whole(path), pixels)


def test_tiles_that_were_never_written_are_black(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tiles = iter([noise(16, 16), None, None, noise(16, 16)])
    tifffile.imwrite(path, tiles, shape=(32, 32), dtype=np.uint8, tile=(16, 16), compression="zlib")

    rows = whole(path, channels=1)[..., 0]

    assert not rows[:16, 16:].any()
    assert np.array_equal(rows[:16, :16], noise(16, 16))


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg"])
def test_a_compression_that_needs_a_package_names_it(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = Image.linear_gradient("L").convert("RGB")
    image.save(path, compression=compression)

    if has_codecs:
        assert np.abs(whole(path).astype(int) - np.asarray(image)).max() < 9
    else:
        with pytest.raises(ValueError, match=r"a\.tif: .*pip install 'lumbar\[tiff\]'"):
            whole(path)


def test_what_cannot_be_read_by_parts_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    one_piece = {"shape": (20_000, 20_000), "dtype": np.uint8, "compression": "zlib"}
    tifffile.imwrite(path, iter([b"x"]), rowsperstrip=20_000, **one_piece)
    with (
        pytest.raises(ValueError, match=r"a\.tif: .*20000 x 20000 pixels .*vips tiffsave"),
        open_tiff(path),
    ):
        pass


@pytest.mark.parametrize(
    ("pixels", "written", "message"),
    [
        (np.zeros((9, 9), np.float32), {}, "float32: save the image with 8 or 16 bits"),
        (np.zeros((9, 9), np.int16), {}, "int16: save"),
        (np.zeros((9, 9, 4), np.uint8), {"photometric": "separated"}, "grey or RGB .*SEPARATED"),
        (np.zeros((9, 9), np.uint8), {"extratags": [(274, 3, 1, 6, True)]}, "turned.*upright"),
    ],
)
def test_other_pixels_are_refused(
    pixels: NDArray[Any], written: dict[str, Any], message: str, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels, **written)

    with pytest.raises(ValueError, match=rf"a\.tif: .*{message}"), open_tiff(tmp_path / "a.tif"):
        pass


def test_what_is_no_tiff_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("no image")
    for name, message in (("a.tif", "cannot be read"), ("b.tif", "no such image file")):
        with pytest.raises(ValueError, match=rf"{name}: {message}"):
            tiff_size(tmp_path / name)
        with pytest.raises(ValueError, match=rf"{name}: {message}"), open_tiff(tmp_path / name):
            pass
    with pytest.raises(ValueError, match="1 or 3 channels, not 4"), open_tiff(tmp_path, channels=4):
        pass


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["deflate", "strips", "one strip"]),
    changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=4),
    end=st.integers(0, 3000),
)
def test_damage_is_a_value_error(
    tmp_path: Path, kind: str, changes: list[tuple[int, int]], end: int
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(24, 30, 3), photometric="rgb", **STORED[kind])
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content[:end])

    try:
        whole(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017 - some damaged files still open
