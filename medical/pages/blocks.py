"""What the sections of a page hold besides tables, charts and pictures: text, numbers, notes, lists of facts."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from markupsafe import Markup

from lumbar.data.pixel_classes import Colour
from medical.pages.render import render


class Block(Protocol):
    """Something that a section holds."""

    def html(self) -> Markup:
        """Itself as HTML."""


class Prose(NamedTuple):
    """Paragraphs of text."""

    paragraphs: tuple[str, ...]

    def html(self) -> Markup:
        """The paragraphs."""
        return _filled("prose", self)


class Tile(NamedTuple):
    """A number that matters, with what it means."""

    label: str
    value: str
    detail: str = ""
    """Its interval, or what it is a part of."""
    meaning: str = ""
    """One plain sentence."""


class Tiles(NamedTuple):
    """Numbers that matter, side by side."""

    tiles: tuple[Tile, ...]

    def html(self) -> Markup:
        """The numbers in a row that wraps."""
        return _filled("tiles", self)


class Note(NamedTuple):
    """One thing that the reader should know."""

    level: Literal["good", "info", "warn", "bad"]
    text: str
    details: tuple[str, ...] = ()
    """Lines below it, such as file names."""
    fix: str = ""
    """What to do about it."""


class Notes(NamedTuple):
    """Things that the reader should know, one below the other."""

    notes: tuple[Note, ...]

    def html(self) -> Markup:
        """The list; long details are folded in."""
        return _filled("notes", self)


class Facts(NamedTuple):
    """Names with values, such as settings."""

    facts: tuple[tuple[str, str], ...]

    def html(self) -> Markup:
        """The list in two columns."""
        return _filled("facts", self)


class Listing(NamedTuple):
    """Text as it stands in a file, such as YAML."""

    text: str

    def html(self) -> Markup:
        """The text, letters of one width."""
        return _filled("listing", self)


class Side(NamedTuple):
    """Blocks side by side where there is room, such as charts and pictures."""

    blocks: tuple[Block, ...]
    size: Literal["small", "medium", "large"] = "large"
    """How wide each should be at least: pictures of a gallery, pictures, charts."""

    def html(self) -> Markup:
        """The blocks in a grid."""
        return _filled("side", self)


class Folded(NamedTuple):
    """Blocks that are shown when they are asked for; on paper they are open."""

    title: str
    blocks: tuple[Block, ...]
    open: bool = False

    def html(self) -> Markup:
        """The title, and below it the blocks."""
        return _filled("folded", self)


class Card(NamedTuple):
    """Blocks that belong together under a small title, such as the pictures of a case."""

    title: str
    blocks: tuple[Block, ...]
    name: str = ""
    """By which links find it."""
    detail: str = ""
    """Beside the title."""

    def html(self) -> Markup:
        """The title and the blocks in a frame."""
        return _filled("card", self)


class LegendEntry(NamedTuple):
    """A mark and what it means."""

    kind: Literal["false-positive", "false-negative", "confused", "outline", "void", "class"]
    text: str
    colour: Colour | None = None
    """Of a class."""


class Legend(NamedTuple):
    """What the colours of pictures mean."""

    entries: Sequence[LegendEntry]

    def html(self) -> Markup:
        """The marks in a row that wraps."""
        return _filled("legend", self)


def _filled(kind: str, block: Block) -> Markup:
    return render("blocks.html", kind=kind, block=block)
