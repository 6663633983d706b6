"""SVG is well formed whatever text it is given."""

from xml.etree import ElementTree as ET

from medical.pages.svg import Figure, drawing, element, hint, line, path, text

WILD = """<b> & "quotes" 'too' </svg>"""


def test_attributes_and_text_are_escaped() -> None:
    drawn = element("text", WILD, class_=WILD, stroke_width=2)

    parsed = ET.fromstring(drawn)  # noqa: S314 - what was just written
    assert parsed.text == WILD
    assert parsed.attrib == {"class": WILD, "stroke-width": "2"}


def test_a_drawing_is_read_out_by_its_description() -> None:
    children = [line((0, 1), (2.25, 3), "base"), path([(0, 0), (1, 1)], "curve")]
    drawn = ET.fromstring(drawing(10, 5.5, WILD, children))  # noqa: S314

    assert drawn.attrib["aria-label"] == WILD
    assert drawn.attrib["viewBox"] == "0 0 10 5.5"
    assert [child.tag for child in drawn] == ["line", "polyline"]
    assert drawn[0].attrib["x2"] == "2.2"


def test_empty_attributes_are_left_out() -> None:
    assert text("a", (1, 2)) == '<text x="1" y="2" text-anchor="middle">a</text>'
    assert element("g") == "<g/>"
    assert hint("a < b") == "<title>a &lt; b</title>"


def test_a_figure_has_title_and_caption() -> None:
    shown = Figure("A & B", element("svg"), "words", "How to read it").html()

    assert "A &amp; B" in shown
    assert "How to read it" in shown
    assert "<svg/>" in shown
