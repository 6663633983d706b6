"""A whole page: title, contents, sections, and everything that it needs in one file."""

from dataclasses import dataclass, field
from pathlib import Path

from lumbar.files import atomic_write
from medical.pages.blocks import Block
from medical.pages.render import render, source

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What the browser may load for the page: nothing but what stands in it."""


@dataclass(frozen=True)
class Section:
    """A part of a page with a title in its contents."""

    name: str
    """By which links find it: `cases`."""
    title: str
    blocks: tuple[Block, ...]
    intro: str = ""
    """A paragraph below the title."""


@dataclass(frozen=True)
class Page:
    """A page that is written to one file."""

    title: str
    sections: tuple[Section, ...]
    subtitle: str = ""
    head: tuple[Block, ...] = field(default=())
    """Above the contents: what matters most."""
    footer: str = ""

    def html(self) -> str:
        """The text of the file.

        Raises:
            AssertionError: Two sections have one name.
        """
        names = [section.name for section in self.sections]
        assert len({*names}) == len(names), names
        return render(
            "page.html",
            page=self,
            policy=POLICY,
            style=source("page.css"),
            script=source("page.js"),
        )

    def write(self, path: Path) -> None:
        """Writes the file, whole or not at all.

        Args:
            path: Where to; its folder is made.

        Raises:
            UnwritableError: The system refuses to write.
        """
        with atomic_write(path) as partial:
            partial.write_text(self.html(), encoding="utf-8")
