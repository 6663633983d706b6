"""Pictures of boxes for people: labelled boxes on an image, images side by side, many on one sheet."""

import colorsys
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two are outside."""

_SHORT_EDGE = 480
"""Smaller pictures are enlarged to about this, so that lines and text do not cover what they show."""
_LARGEST_FACTOR = 8
_PAPER = (255, 255, 255)
_INK = (24, 24, 27)
_BRIGHT = 140
"""Luma, 0 to 255, above which dark text is easier to read than light text."""
_GAP = 12
_GOLDEN = (5**0.5 - 1) / 2


def draw_boxes(
    image: Picture,
    boxes: NDArray[np.floating],
    labels: NDArray[np.integer],
    names: Sequence[str],
    scores: NDArray[np.floating] | None = None,
) -> Picture:
    """Draws boxes with the names of their classes; small images are enlarged by a whole number first.

    Args:
        image: (H, W, 3) RGB or (H, W, 1) grey.
        boxes: (n, 4) xyxy in pixels of the image.
        labels: (n,) class of each box.
        names: Name of each class.
        scores: (n,) in [0, 1], written behind the names.

    Returns:
        (k H, k W, 3) RGB for some whole k >= 1.
    """
    canvas = Image.fromarray(enlarged(image))
    pen = ImageDraw.Draw(canvas)
    # Large boxes first, so that they do not cover small ones.
    order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")
    frames = [_frame(box * (canvas.width / image.shape[1]), canvas.size) for box in boxes[order]]
    texts = [names[label] for label in labels[order]]
    if scores is not None:
        texts = [f"{text} {score:.2f}" for text, score in zip(texts, scores[order], strict=True)]
    colours = [class_colour(int(label)) for label in labels[order]]
    for frame, colour in zip(frames, colours, strict=True):
        _draw_frame(pen, frame, colour, max(2, round(min(canvas.size) / 300)))
    font = _font(max(12, round(min(canvas.size) / 40)))
    places = _tag_places(frames, [_text_size(font, text) for text in texts], canvas.size)
    for place, text, colour in zip(places, texts, colours, strict=True):
        _draw_tag(pen, place, text, colour, font)
    return np.array(canvas)


def enlarged(image: Picture) -> Picture:
    """Makes an (H, W, 3) RGB or (H, W, 1) grey image (k H, k W, 3) RGB for some whole k >= 1, larger if it is small."""
    height, width = image.shape[:2]
    factor = min(max(1, round(_SHORT_EDGE / min(height, width))), _LARGEST_FACTOR)
    canvas = Image.fromarray(np.broadcast_to(image, (height, width, 3)))
    return np.array(canvas.resize((width * factor, height * factor), Image.Resampling.BICUBIC))


def class_colour(label: int) -> Colour:
    """Returns the colour of a class: hues a golden section of the circle apart, so that no two classes come close."""
    red, green, blue = colorsys.hsv_to_rgb((0.53 + label * _GOLDEN) % 1, 0.72, 0.97)
    return round(red * 255), round(green * 255), round(blue * 255)


def side_by_side(pictures: Mapping[str, Picture]) -> Picture:
    """Puts (H, W, 3) RGB pictures beside each other, each under its caption."""
    size = max(16, round(min(picture.shape[0] for picture in pictures.values()) / 26))
    captioned = [_under(caption, picture, size) for caption, picture in pictures.items()]
    return contact_sheet(captioned, columns=len(captioned))


def contact_sheet(images: Sequence[Picture], columns: int) -> Picture:
    """Arranges (H, W, 3) RGB pictures of any sizes in rows of `columns`, each in the middle of its cell, on white."""
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    heights = [max(image.shape[0] for image in row) for row in rows]
    widths = [
        max(image.shape[1] for image in images[place::columns]) for place in range(len(rows[0]))
    ]
    sheet = np.full((_behind(heights), _behind(widths), 3), _PAPER, dtype=np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        height, width = image.shape[:2]
        top = _behind(heights[:row]) + (heights[row] - height) // 2
        left = _behind(widths[:column]) + (widths[column] - width) // 2
        sheet[top : top + height, left : left + width] = image
    return sheet


def _behind(lengths: Sequence[int]) -> int:
    """Where the next picture starts behind pictures of these lengths, with a gap before and after each."""
    return sum(lengths) + _GAP * (len(lengths) + 1)


def _under(caption: str, picture: Picture, size: int) -> Picture:
    banner = Image.new("RGB", (picture.shape[1], round(size * 1.5)), _PAPER)
    ImageDraw.Draw(banner).text((0, size * 0.7), caption, _INK, _font(size), anchor="lm")
    return np.concatenate((np.array(banner), picture))


@lru_cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _frame(box: NDArray[np.floating], picture: tuple[int, int]) -> Rectangle:
    """The pixels of a box that lie in a picture of this width and height; at least one."""
    left, top = (
        min(max(0, round(low)), edge - 1)
        for low, edge in zip(box[:2].tolist(), picture, strict=True)
    )
    right, bottom = (
        min(max(low + 1, round(high)), edge)
        for low, high, edge in zip((left, top), box[2:].tolist(), picture, strict=True)
    )
    return left, top, right, bottom


def _draw_frame(pen: ImageDraw.ImageDraw, frame: Rectangle, colour: Colour, width: int) -> None:
    left, top, right, bottom = frame
    # The dark line around keeps a frame visible on pixels of its own colour.
    pen.rectangle((left - 1, top - 1, right, bottom), outline=_INK)
    pen.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=width)


def _text_size(font: Font, text: str) -> tuple[int, int]:
    """Width and height of a tag; all tags of a font are equally high."""
    height = font.getbbox("Ag")[3]
    return round(font.getlength(text) + height * 0.5), round(height * 1.2)


def _tag_places(
    frames: Sequence[Rectangle], sizes: Sequence[tuple[int, int]], picture: tuple[int, int]
) -> list[Rectangle]:
    """Places a tag of given width and height at each frame, where it covers least of other tags and small frames."""
    places: list[Rectangle] = []
    for frame, size in zip(frames, sizes, strict=True):
        small = [
            other for other in frames if other != frame and _area(other) < 4 * size[0] * size[1]
        ]
        places.append(
            min(
                _candidates(frame, size, picture),
                key=lambda place: 2 * _covered(place, places) + _covered(place, small),
            )
        )
    return places


def _candidates(
    frame: Rectangle, size: tuple[int, int], picture: tuple[int, int]
) -> list[Rectangle]:
    """Places around a frame, best first, each moved into the picture."""
    (left, top, right, bottom), (width, height) = frame, size
    middle = (top + bottom - height) // 2
    corners = [
        (left, top - height),
        (right - width, top - height),
        (left, bottom),
        (right - width, bottom),
        (right, top),
        (left - width, top),
        (left, top),
        (left, top - 2 * height),
        (left, bottom + height),
        (right, middle),
        (left - width, middle),
    ]
    lows = [
        (max(0, min(x, picture[0] - width)), max(0, min(y, picture[1] - height)))
        for x, y in corners
    ]
    return [(x, y, x + width, y + height) for x, y in lows]


def _covered(place: Rectangle, others: Sequence[Rectangle]) -> int:
    """Number of pixels that a rectangle shares with others, summed over these."""
    left, top, right, bottom = place
    return sum(
        max(0, min(right, other[2]) - max(left, other[0]))
        * max(0, min(bottom, other[3]) - max(top, other[1]))
        for other in others
    )


def _area(place: Rectangle) -> int:
    return (place[2] - place[0]) * (place[3] - place[1])


def _draw_tag(
    pen: ImageDraw.ImageDraw, place: Rectangle, text: str, colour: Colour, font: Font
) -> None:
    left, top, right, bottom = place
    pen.rectangle((left, top, right - 1, bottom - 1), fill=colour)
    middle = ((left + right) / 2, (top + bottom) / 2)
    pen.text(middle, text, _text_colour(colour), font, anchor="mm")


def _text_colour(background: Colour) -> Colour:
    red, green, blue = background
    return _INK if 0.299 * red + 0.587 * green + 0.114 * blue > _BRIGHT else _PAPER
