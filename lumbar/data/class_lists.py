"""The classes of data sets that many use, with the values of their mask files."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lumbar.data.pixel_classes import Colour, PixelClasses, default_colours, parse_void

_VOC_NAMES = (
    "background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, "
    "motorbike, person, pottedplant, sheep, sofa, train, tvmonitor"
)
# What COCO calls airplane, motorcycle, dining table, couch, potted plant and tv.
_VOC_IN_COCO = (0, 5, 2, 16, 9, 44, 6, 3, 17, 62, 21, 67, 18, 19, 4, 1, 64, 20, 63, 7, 72)
_CITYSCAPES: Mapping[str, tuple[int, Colour]] = {
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)),
    "traffic sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}
_CITYSCAPES_IDS = tuple(number for number, _ in _CITYSCAPES.values())
_CAMVID: Mapping[str, Colour] = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
}
_ADE20K_NAMES = (
    "wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet, sidewalk, person, earth, door, "
    "table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field, "
    "armchair, seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column, signboard, "
    "chest of drawers, counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway, "
    "case, pool table, pillow, screen door, stairway, river, bridge, bookcase, blind, coffee table, toilet, flower, "
    "book, hill, bench, countertop, stove, palm, kitchen island, computer, swivel chair, boat, bar, arcade machine, "
    "hovel, bus, towel, light, truck, tower, chandelier, awning, streetlight, booth, television receiver, airplane, "
    "dirt track, apparel, pole, land, bannister, escalator, ottoman, bottle, buffet, poster, stage, van, ship, "
    "fountain, conveyer belt, canopy, washer, plaything, swimming pool, stool, barrel, basket, waterfall, tent, bag, "
    "minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal, bicycle, lake, dishwasher, "
    "screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan, fan, pier, crt screen, plate, "
    "monitor, bulletin board, shower, radiator, glass, clock, flag"
)
_VOC, _ADE20K = _VOC_NAMES.split(", "), _ADE20K_NAMES.split(", ")


def voc_colours(count: int) -> tuple[Colour, ...]:
    """The colours of Pascal VOC's palette: each bit of a class's number is a high bit of one of the three channels."""
    return tuple(_voc_colour(number) for number in range(count))


def find_classes(classes: str | Mapping[str, Any], void: Sequence[Any]) -> PixelClasses:
    """Turns the settings of the classes into what they mean.

    Args:
        classes: The name of a known list, or what stands for each class, as for `PixelClasses.parse`.
        void: Values of pixels that count nowhere; those of a known list are added.

    Raises:
        ValueError: There is no such list, or a value has no meaning or two.
    """
    if not isinstance(classes, str):
        return PixelClasses.parse(classes, void)
    if classes not in CLASS_LISTS:
        near = difflib.get_close_matches(classes, CLASS_LISTS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(CLASS_LISTS)}"
        raise ValueError(f'no list of classes "{classes}", {hint}')
    known = CLASS_LISTS[classes]
    return replace(known, void=tuple(dict.fromkeys((*known.void, *parse_void(void)))))


def _voc_colour(number: int) -> Colour:
    red, green, blue = (
        sum((number >> 3 * bit + channel & 1) << 7 - bit for bit in range(3))
        for channel in range(3)
    )
    return red, green, blue


def _numbered(
    names: Sequence[str], numbers: Sequence[int], colours: Sequence[Colour], void: Sequence[int]
) -> PixelClasses:
    values = tuple((number,) for number in numbers)
    return PixelClasses(tuple(names), values, tuple(colours), tuple(void))


CLASS_LISTS: Mapping[str, PixelClasses] = {
    "voc": _numbered(_VOC, range(21), voc_colours(21), [255]),
    "cityscapes": _numbered(
        [*_CITYSCAPES],
        _CITYSCAPES_IDS,
        [colour for _, colour in _CITYSCAPES.values()],
        [number for number in (*range(34), 255) if number not in _CITYSCAPES_IDS],
    ),
    "cityscapes_train_ids": _numbered(
        [*_CITYSCAPES], range(19), [colour for _, colour in _CITYSCAPES.values()], [255]
    ),
    "ade20k": _numbered(_ADE20K, range(1, 151), default_colours(_ADE20K), [0]),
    "camvid": _numbered([*_CAMVID], range(11), [*_CAMVID.values()], [11]),
    "coco_voc": _numbered(_VOC, _VOC_IN_COCO, voc_colours(21), []),
}
"""By their names in a config."""
