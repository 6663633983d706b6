"""Blocks show all that they hold."""

import pytest

from medical.pages.blocks import (
    Block,
    Card,
    Facts,
    Folded,
    Legend,
    LegendEntry,
    Listing,
    Note,
    Notes,
    Prose,
    Side,
    Tile,
    Tiles,
)

BLOCKS: list[tuple[Block, list[str]]] = [
    (Prose(("one", "two")), ["<p>one</p>", "<p>two</p>"]),
    (Tiles((Tile("Dice", "0.87", "0.8 to 0.9", "is good"),)), ["Dice", "0.87", "0.8 to 0.9"]),
    (
        Notes((Note("bad", "broken", ("a", "b", "c", "d"), "mend it"),)),
        ["broken", "4 lines", "mend it"],
    ),
    (Facts((("folds", "3"),)), ["<dt>folds</dt>", "<dd>3</dd>"]),
    (Listing("a:\n  b: <1>"), ["<pre", "a:\n  b: &lt;1&gt;"]),
    (Side((Prose(("inner",)),), "small"), ["side small", "inner"]),
    (Folded("more", (Prose(("inner",)),)), ["<summary>more", "inner"]),
    (Card("P007", (Prose(("inner",)),), "case-7", "0.3"), ['id="case-7"', "P007", "0.3", "inner"]),
    (Legend((LegendEntry("class", "tumour", (1, 2, 3)),)), ["tumour", 'fill="rgb(1, 2, 3)"']),
]


@pytest.mark.parametrize(("block", "expected"), BLOCKS, ids=lambda value: type(value).__name__)
def test_a_block_shows_what_it_holds(block: Block, expected: list[str]) -> None:
    shown = block.html()

    assert [text for text in expected if text not in shown] == []


def test_few_details_are_not_folded_in() -> None:
    assert "<details>" not in Notes((Note("info", "so", ("a", "b")),)).html()
