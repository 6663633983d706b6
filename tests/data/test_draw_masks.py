"""Pictures of masks show each class in its colour, leave a background alone, and can be told apart without colours."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lumbar.data.draw import Colour, Picture, enlarged
from lumbar.data.draw_masks import _widest_part, draw_masks, with_legend
from lumbar.data.image_io import read_image
from lumbar.data.pixel_classes import IGNORE, default_colours

NAMES = ["background", "cell", "wall"]
COLOURS = default_colours(NAMES)
UNNAMED = [""] * 3


def grey(height: int, width: int, value: int = 100) -> Picture:
    return np.full((height, width, 3), value, dtype=np.uint8)


def square(height: int = 500, width: int = 640, *, label: int = 1) -> NDArray[np.uint8]:
    """A square of 200 pixels in the background."""
    labels = np.zeros((height, width), dtype=np.uint8)
    labels[100:300, 200:400] = label
    return labels


def test_a_background_leaves_the_image_as_it_is() -> None:
    image = np.random.default_rng(0).integers(256, size=(480, 500, 3)).astype(np.uint8)
    before = image.copy()

    drawn = draw_masks(image, np.zeros((480, 500), np.uint8), NAMES, COLOURS)

    np.testing.assert_array_equal(drawn, image)
    np.testing.assert_array_equal(image, before)


def test_a_region_is_tinted_and_outlined_in_its_colour() -> None:
    drawn = draw_masks(grey(500, 640), square(), UNNAMED, COLOURS).astype(int)

    inside, rim, outer_rim = drawn[200, 300], drawn[200, 200], drawn[200, 199]
    assert tuple(rim) == COLOURS[1]
    assert outer_rim.max() < 100, "no dark line around"
    low, high = np.minimum(COLOURS[1], 100), np.maximum(COLOURS[1], 100)
    assert ((low < inside) & (inside < high)).all()
    assert (drawn[300:, :] == 100)[5:].all()
    assert (drawn[:, 402:] == 100).all()


def test_the_image_shines_through() -> None:
    image = grey(500, 640, 40)
    image[::2] = 200

    drawn = draw_masks(image, square(), UNNAMED, COLOURS).astype(int)

    assert np.abs(drawn[200, 300] - drawn[201, 300]).min() > 50


def test_neighbours_are_parted_by_both_colours() -> None:
    labels = np.full((500, 640), 1, dtype=np.uint8)
    labels[:, 320:] = 2

    drawn = draw_masks(grey(500, 640), labels, UNNAMED, COLOURS)

    assert tuple(drawn[250, 319]) == COLOURS[1]
    assert tuple(drawn[250, 320]) == COLOURS[2]


def test_large_regions_carry_their_names_small_ones_do_not() -> None:
    large = draw_masks(grey(500, 640), square(), NAMES, COLOURS)
    small = np.zeros((500, 640), dtype=np.uint8)
    small[100:104, 200:204] = 1

    assert (large[150:250, 250:350] == 255).all(-1).any(), "no white letters"
    without = draw_masks(grey(500, 640), small, UNNAMED, COLOURS)
    np.testing.assert_array_equal(draw_masks(grey(500, 640), small, NAMES, COLOURS), without)


def test_what_nobody_knows_is_hatched() -> None:
    drawn = draw_masks(grey(500, 640, 0), square(label=IGNORE), NAMES, COLOURS)

    patch = drawn[150:250, 250:350, 0]
    assert len(np.unique(patch)) == 2
    assert 0.4 < (patch > 0).mean() < 0.6


def test_classes_that_overlap_mix_their_colours() -> None:
    masks = np.zeros((3, 500, 640), dtype=np.uint8)
    masks[1, 100:300, 100:300] = 1
    masks[2, 200:400, 200:400] = 1

    drawn = draw_masks(grey(500, 640), masks, UNNAMED, COLOURS).astype(int)

    first, both, second = drawn[150, 150], drawn[250, 250], drawn[350, 350]
    np.testing.assert_allclose(both, (first + second) / 2, atol=2)
    assert np.abs(first - second).max() > 50
    assert (drawn[450, 450] == 100).all()
    assert np.abs(drawn[250, 200] - first).max() > 50, "no outline of the second in the first"


def test_names_stand_where_a_class_is_alone() -> None:
    masks = np.zeros((2, 500, 640), dtype=np.uint8)
    masks[0] = 1
    masks[1, :, 200:] = 1

    drawn = draw_masks(grey(500, 640), masks, ["cell", "wall"], COLOURS[1:])

    is_white = (drawn == 255).all(-1)
    assert is_white[:, :200].any(), "cell"
    assert not is_white[:, 200:].any(), "wall, or cell in wall"


def test_one_mask_is_drawn_as_one_class() -> None:
    labels = square()
    masks = np.stack([labels == label for label in range(3)]).astype(np.uint8)

    by_class, by_masks = (draw_masks(grey(500, 640), x, NAMES, COLOURS) for x in (labels, masks))

    np.testing.assert_array_equal(by_class, by_masks)


@pytest.mark.parametrize("size", [(240, 320), (100, 400), (4, 4)])
def test_small_images_are_enlarged_with_their_masks(size: tuple[int, int]) -> None:
    labels = np.zeros(size, dtype=np.uint8)
    labels[: size[0] // 2] = 1

    drawn = draw_masks(grey(*size)[..., :1], labels, UNNAMED, COLOURS)

    assert drawn.shape == enlarged(grey(*size)).shape
    middle = len(drawn) // 2
    assert tuple(drawn[middle - 1, 0]) == COLOURS[1]
    assert (drawn[-1] == 100).all()


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.sampled_from([0, 1, 2, 99, IGNORE]), min_size=3, max_size=3), min_size=1),
    st.booleans(),
)
def test_any_labels_can_be_drawn(rows: list[list[int]], has_layers: bool) -> None:
    labels = np.array(rows, dtype=np.uint8)[:20]
    if has_layers:
        labels = np.stack([labels, labels, labels])

    drawn = draw_masks(grey(*labels.shape[-2:]), labels, NAMES, COLOURS)

    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 3


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9), st.integers(0, 9))
def test_names_stand_in_the_widest_part(height: int, width: int, top: int, left: int) -> None:
    mask = np.zeros((60, 60), dtype=bool)
    mask[top : top + height, left : left + width] = True

    (x, y), radius = _widest_part(mask)

    assert mask[y, x]
    assert radius == pytest.approx((min(height, width) + 1) // 2, abs=1)


@pytest.mark.parametrize("count", [1, 2, 11, 150])
@pytest.mark.parametrize("width", [200, 2048])
def test_a_legend_shows_every_class_under_the_picture(width: int, count: int) -> None:
    names = [f"class {number}" for number in range(count)]
    colours: list[Colour] = [(1 + number, 60, 200 - number) for number in range(count)]
    picture = grey(400, width)

    shown = with_legend(picture, names, colours)

    np.testing.assert_array_equal(shown[:400], picture)
    legend = shown[400:]
    assert legend.shape[1] == width
    codes = np.array([65536, 256, 1])
    shown_colours, areas = np.unique(legend @ codes, return_counts=True)
    area_of = dict(zip(shown_colours.tolist(), areas.tolist(), strict=True))
    assert all(area_of[code] > 80 for code in (np.array(colours) @ codes).tolist())
    assert (legend[-3:] == 255).all()


def test_a_class_that_is_not_painted_has_an_empty_patch() -> None:
    legend = with_legend(grey(480, 480), ["background"], [(0, 0, 0)])[480:]

    assert not (legend == 0).all(-1).any()
    assert (legend < 60).all(-1).any()


def test_colours_can_be_told_apart_by_those_who_see_no_red_or_green() -> None:
    """Tints on dark and on bright ground differ in what the colour-blind see (Machado et al. 2009, severity 1)."""
    names = [f"class {number}" for number in range(7)]
    deuteranopia = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
    labels = np.repeat(np.arange(7, dtype=np.uint8), 100)[None].repeat(480, 0)
    for ground in (30, 220):
        drawn = draw_masks(grey(480, 700, ground), labels, [""] * 7, default_colours(names))
        seen = drawn[240, 50::100] / 255 @ deuteranopia.T
        distances = np.linalg.norm(seen[:, None] - seen, axis=-1)[np.triu_indices(7, 1)]
        assert distances.min() > 0.03


def test_a_real_street(shared_data: Path) -> None:
    folder = shared_data / "camvid" / "test"
    file = min((folder / "images").iterdir())
    image, labels = read_image(file), read_image(folder / "labels" / f"{file.stem}.png", channels=1)
    labels = np.where(labels[..., 0] == 11, IGNORE, labels[..., 0])
    names = [f"class {number}" for number in range(11)]

    drawn = draw_masks(image, labels, names, default_colours(names))

    assert drawn.shape == image.shape
    assert np.abs(drawn.astype(int) - image).mean() > 10
