"""Mistakes are told at once, ten of them by name."""

import pytest

from lumbar.data.faults import refuse


def test_nothing_wrong_is_nothing_said() -> None:
    refuse([], what="files")


def test_ten_are_named_and_the_others_counted() -> None:
    with pytest.raises(ValueError, match="files") as error:
        refuse([f"{number}.png: bad" for number in range(13)], what="files", fix="mend them")

    head, *lines, rest, fix = str(error.value).splitlines()
    assert head == "files (13 in all):"
    assert [line.strip() for line in lines] == [f"{number}.png: bad" for number in range(10)]
    assert rest.strip() == "... and 3 more"
    assert fix == "mend them"


def test_what_is_the_same_everywhere_is_said_once() -> None:
    with pytest.raises(ValueError, match=r"^files \(40 in all\):\n  not 4$"):
        refuse(["not 4"] * 40, what="files")
