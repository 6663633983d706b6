"""Templates escape what they are given, and refuse to leave anything out."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from medical.pages.blocks import Prose
from medical.pages.render import render, source


def test_text_is_escaped() -> None:
    shown = Prose(("<script>alert(1)</script> & more",)).html()

    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert isinstance(shown, Markup)


def test_a_missing_value_is_a_mistake() -> None:
    with pytest.raises(UndefinedError):
        render("figure.html")


def test_style_and_script_cannot_end_their_elements() -> None:
    assert "</style" not in source("page.css").lower()
    assert "</script" not in source("page.js").lower()
