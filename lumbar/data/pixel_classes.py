"""Classes of pixels: which values or colours of mask files stand for which class, and which count nowhere."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
Value = int | Colour | Literal["any"]
"""What stands for a class in a mask file: a number, a colour, or every number that stands for no other class."""

IGNORE = 255
"""The label of pixels that count nowhere."""
UNDECLARED = 254
"""The label of values that stand for nothing, which no class may have."""
HIGHEST = 65535
"""Of the numbers that a mask file can hold."""

_COLOURS = 2**24
_BLACK = (0, 0, 0)
# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
_SAFE_COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
_SHOWN = 12
_HELP = (
    "give a number like 255, a colour like [128, 64, 128], several of them like [[1], [2]], or any (every number that "
    "no other class has)"
)


@dataclass(frozen=True)
class PixelClasses:
    """The classes 0..K-1 of pixels; saved with the weights, so that predicted masks look like those of the data."""

    names: tuple[str, ...]
    """Name of each class."""
    values: tuple[tuple[Value, ...], ...]
    """What stands for each class in mask files; several values may mean the same."""
    colours: tuple[Colour, ...]
    """Of each class in pictures."""
    void: tuple[int | Colour, ...] = ()
    """Values of pixels that count nowhere."""

    def __post_init__(self) -> None:
        """Checks that each class has a name of its own, and values of one kind.

        Raises:
            ValueError: Names, values and colours differ in number, there are too many, a name occurs twice, or numbers
                and colours are mixed.
        """
        counts = (len(self.names), len(self.values), len(self.colours))
        if len({*counts}) > 1 or not 1 <= len(self.names) <= UNDECLARED:
            raise ValueError(
                f"there must be 1 to {UNDECLARED} classes, each with a name, values and a colour, got {counts} of them"
            )
        _check_once("class names", self.names)
        if len({isinstance(value, tuple) for value in self._declared()}) > 1:
            raise ValueError(
                f"values of classes must be all numbers or all colours, got {[*self._declared()]}: "
                "several numbers for one class are written [[1], [2], [3]]"
            )

    def __len__(self) -> int:
        """Number of classes K."""
        return len(self.names)

    @classmethod
    def parse(cls, classes: Mapping[str, Any], void: Sequence[Any] = ()) -> Self:
        """Reads the classes of a config.

        Args:
            classes: For each name what stands for it: 255, [128, 64, 128], [[1], [2]] or any.
            void: Numbers and colours of pixels that count nowhere.

        Raises:
            ValueError: One of them is none of these, or numbers and colours are mixed.
        """
        values = tuple(_values(name, entry) for name, entry in classes.items())
        given = tuple(value[0] for value in values if isinstance(value[0], tuple))
        colours = given if len(given) == len(classes) else default_colours(tuple(classes))
        return cls(tuple(classes), values, colours, parse_void(void))

    def check_one_meaning(self) -> None:
        """Checks that no value stands for two classes, which only masks of one class each can tell apart.

        Raises:
            ValueError: One does, or stands for a class and is void.
        """
        _check_once("values of classes", [*self._declared()])

    @property
    def coloured(self) -> bool:
        """Whether mask files hold colours, not numbers."""
        return any(isinstance(value, tuple) for value in self._declared())

    @property
    def ids(self) -> tuple[int, ...]:
        """The number that stands for each class in mask files that are written: its own, or else one that is free."""
        first = [next((v for v in values if isinstance(v, int)), None) for values in self.values]
        taken = {value for value in self._declared() if isinstance(value, int)}
        free = (number for number in range(HIGHEST) if number not in taken)
        return tuple(next(free) if number is None else number for number in first)

    @property
    def unlisted(self) -> int:
        """The label of pixels of which a file says nothing: a class that is called background, or else IGNORE."""
        return self.names.index("background") if "background" in self.names else IGNORE

    @property
    def by_number(self) -> dict[int, int]:
        """The class of each number."""
        return {
            value: label
            for label, values in enumerate(self.values)
            for value in values
            if isinstance(value, int)
        }

    @property
    def table(self) -> NDArray[np.uint8]:
        """The label of each number (65536,), or of each colour as 65536 red + 256 green + blue (2**24,).

        Raises:
            ValueError: A value stands for two classes.
        """
        return _table(self)

    def binary_table(self, label: int) -> NDArray[np.uint8]:
        """Labels for mask files of one class alone, where 0 means that a pixel is not of it.

        Args:
            label: The class in 0..K-1.

        Returns:
            (65536,) or (2**24,) of 0, 1, IGNORE or UNDECLARED.

        Raises:
            ValueError: 0, which is black where masks have colours, stands for the class.
        """
        nothing = _BLACK if self.coloured else 0
        if nothing in self.values[label]:
            raise ValueError(
                f"{nothing} cannot stand for the class {self.names[label]}: in masks of one class alone it stands for "
                "all other pixels"
            )
        values = ((nothing,), self.values[label])
        alone = PixelClasses(("none", self.names[label]), values, (_BLACK, _BLACK), self.void)
        return alone.table

    def numbered_as(self, other: "PixelClasses") -> "PixelClasses":
        """Numbers the classes as another set does, by their names; that set may have more of them.

        Args:
            other: The classes of a model or of the training split.

        Raises:
            ValueError: The other set lacks a class.
        """
        unknown = [name for name in self.names if name not in other.names]
        if unknown:
            raise ValueError(
                f"of the {len(self)} classes of the data, {shortened(unknown)} are not among the {len(other)} of the "
                f"model or the training split, {shortened(other.names)}"
            )
        own = dict(zip(self.names, self.values, strict=True))
        values = tuple(own.get(name, ()) for name in other.names)
        return PixelClasses(other.names, values, other.colours, self.void)

    def to_dict(self) -> dict[str, list[Any]]:
        """Returns names, values, colours and void in lists, ready for JSON."""
        return {
            "names": [*self.names],
            "values": [[_plain(value) for value in values] for values in self.values],
            "colours": [[*colour] for colour in self.colours],
            "void": [_plain(value) for value in self.void],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Restores what `to_dict` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            return cls(
                names=tuple(map(str, saved["names"])),
                values=tuple(tuple(_restored(v) for v in values) for values in saved["values"]),
                colours=tuple((int(r), int(g), int(b)) for r, g, b in saved["colours"]),
                void=tuple(_restored(value) for value in saved["void"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(
                f'expected {{"names", "values", "colours", "void"}} of classes, got {saved!r:.200}'
            ) from error

    def _declared(self) -> Iterator[Value]:
        yield from (value for values in self.values for value in values)
        yield from self.void


def parse_void(void: Sequence[Any]) -> tuple[int | Colour, ...]:
    """Reads the numbers and colours of pixels that count nowhere.

    Raises:
        ValueError: One of them is neither.
    """
    return tuple(_number_or_colour(entry, "void") for entry in void)


def default_colours(names: Sequence[str]) -> tuple[Colour, ...]:
    """Chooses colours that differ as much as they can; a background is black.

    The first seven can be told apart with any kind of colour vision.

    Args:
        names: Of the classes.
    """
    steps = np.linspace(0, 255, 7).round()
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = [_BLACK, *_SAFE_COLOURS]
    distances = np.min([np.linalg.norm(grid - colour, axis=1) for colour in chosen], axis=0)
    while len(chosen) <= len(names):
        farthest = grid[distances.argmax()]
        chosen.append((int(farthest[0]), int(farthest[1]), int(farthest[2])))
        distances = np.minimum(distances, np.linalg.norm(grid - farthest, axis=1))
    colours = iter(chosen[1:])
    return tuple(_BLACK if name.lower() == "background" else next(colours) for name in names)


def shortened(values: Sequence[object]) -> str:
    """Lists the first values for a message, and counts the others."""
    rest = len(values) - _SHOWN
    return ", ".join(map(str, values[:_SHOWN])) + (f" and {rest} more" if rest > 0 else "")


@lru_cache(maxsize=32)
def _table(classes: PixelClasses) -> NDArray[np.uint8]:
    classes.check_one_meaning()
    size = _COLOURS if classes.coloured else HIGHEST + 1
    rest = next((label for label, values in enumerate(classes.values) if "any" in values), None)
    table = np.full(size, UNDECLARED if rest is None else rest, dtype=np.uint8)
    for label, values in enumerate(classes.values):
        table[[_code(value) for value in values if value != "any"]] = label
    table[[_code(value) for value in classes.void]] = IGNORE
    table.flags.writeable = False
    return table


def _code(value: Any) -> int:
    if isinstance(value, tuple):
        red, green, blue = value
        return int(red << 16 | green << 8 | blue)
    return int(value)


def _values(name: str, entry: Any) -> tuple[Value, ...]:
    several = isinstance(entry, list | tuple) and entry and isinstance(entry[0], list | tuple)
    return tuple(_value(item, name) for item in (entry if several else [entry]))


def _value(entry: Any, name: str) -> Value:
    return "any" if entry == "any" else _number_or_colour(entry, name)


def _number_or_colour(entry: Any, name: str) -> int | Colour:
    channels = [*entry] if isinstance(entry, list | tuple) else [entry]
    highest = HIGHEST if len(channels) == 1 else 255
    # Not isinstance: true and false are whole numbers to Python.
    whole = all(type(number) is int and 0 <= number <= highest for number in channels)
    if whole and len(channels) == 1:
        return int(channels[0])
    if whole and len(channels) == 3:
        red, green, blue = map(int, channels)
        return red, green, blue
    raise ValueError(f"{name}: {entry!r:.60} is no value of a mask: {_HELP}")


def _check_once(what: str, values: Sequence[object]) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"{what} must differ, but {shortened(twice)} occur more than once")


def _plain(value: Value) -> int | str | list[int]:
    return [*value] if isinstance(value, tuple) else value


def _restored(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
