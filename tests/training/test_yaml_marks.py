"""YAML is read strictly: one meaning for each text, and a place for each key."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbar.training.yaml_marks import ConfigError, dotted, merge, parse, parse_override, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1", 1),
        ("010", 10),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("no", "no"),
        ("none", "none"),
        ("null", None),
        ("~", None),
        ("true", True),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("'1'", "1"),
        (".inf", ".inf"),
        ("1_000", "1_000"),
        ("[1, a]", [1, "a"]),
        ("{b: 1e3}", {"b": 1000.0}),
        ("", None),
    ],
)
def test_a_plain_value_has_one_meaning(text: str, value: object) -> None:
    assert parse_override(f"key={text}").values == {"key": value}
    assert type(parse_override(f"key={text}").values["key"]) is type(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=50)
def test_every_float_that_python_writes_is_a_float(number: float) -> None:
    assert parse_override(f"key={number!r}").values == {"key": number}


def test_every_key_knows_its_line() -> None:
    document = parse("a: 1\n# comment\nb:\n  c:\n  - 1\n  - {d: 2}\n", "file.yaml")

    assert document.values == {"a": 1, "b": {"c": [1, {"d": 2}]}}
    assert document.origin(("a",)) == "file.yaml:1"
    assert document.origin(("b", "c")) == "file.yaml:4"
    assert document.origin(("b", "c", 1, "d")) == "file.yaml:6"
    assert document.origin(("b", "c", 1, "unheard")) == "file.yaml:6"
    assert document.origin(("z",)) == ""


def test_a_key_given_twice_names_both_lines() -> None:
    document = parse("a:\n  b: 1\nc: 2\na:\n  b: 3\n", "file.yaml")

    assert document.problems == ('file.yaml:4: key "a" is given twice, first at file.yaml:1',)


def test_an_empty_value_is_no_null() -> None:
    assert parse("a:\nb: null\n", "f").problems == (
        'f:1: "a" has no value, remove it or write null',
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2\n", "f:2: not valid YAML"),
        ("a:\n\tb: 1\n", "f:2: not valid YAML"),
        ("- 1\n", "f:1: a config is a mapping of keys to values"),
        ("a: 1\n---\nb: 2\n", "f:2: not valid YAML"),
        ("a: \x00", "f:1: not valid YAML"),
        ("a: &x [1]\nb: *x\n", "f:2: not valid YAML, anchors and aliases are not supported"),
        ("a: &x [*x]\n", "anchors and aliases"),
        ("a: !!python/object/apply:os.getcwd []\n", "f:1: the tag .*os.getcwd is not allowed"),
        ("a: !!set {b}\n", "f:1: the tag .* is not allowed"),
        ("a: !!int b\n", "f:1: cannot read 'b'"),
        ("a: 1e999\n", "f:1: cannot read '1e999', the number is too large"),
    ],
)
def test_what_is_no_config_is_one_message(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(text, "f")


def test_keys_are_text() -> None:
    document = parse("1: a\n[b]: c\nnull: d\n", "f")

    assert document.values == {}
    assert document.problems == tuple(f"f:{line}: a key must be text" for line in (1, 2, 3))


def test_an_empty_file_is_an_empty_config() -> None:
    assert parse("# nothing\n", "f").values == {}


@pytest.mark.parametrize("text", ["key", "=1", ".a=1", "a..b=1", ""])
def test_an_override_needs_a_key(text: str) -> None:
    with pytest.raises(ConfigError, match=r"must look like key.sub=value"):
        parse_override(text)


def test_an_override_that_is_no_yaml_is_shown() -> None:
    with pytest.raises(ConfigError, match=r'command line: "a=\[1": not valid YAML'):
        parse_override("a=[1")


def test_merging_keeps_what_is_not_replaced_and_where_it_came_from() -> None:
    below = parse("a: {b: 1, c: 2}\nd: [1, 2]\ne: 5\n", "base")
    above = parse("\n\n\na: {b: 3}\nd: [4]\ne: {f: 6}\n", "top")
    merged = merge(below, above)

    assert merged.values == {"a": {"b": 3, "c": 2}, "d": [4], "e": {"f": 6}}
    assert below.values == {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 5}
    assert merged.origin(("a", "b")) == "top:4"
    assert merged.origin(("a", "c")) == "base:1"
    assert merged.origin(("d", 1)) == "top:5"
    assert merged.origin(("e", "f")) == "top:6"


def test_mappings_that_are_no_sections_are_replaced_as_a_whole() -> None:
    below = parse("a: {b: {x: 1, y: 2}, c: 2}\n", "base")
    above = parse("\na: {b: {z: 3}}\n", "top")

    merged = merge(below, above, whole=[("a", "b")])

    assert merged.values == {"a": {"b": {"z": 3}, "c": 2}}
    assert merged.origin(("a", "b", "z")) == "top:2"
    assert merged.origin(("a", "b", "x")) == "top:2", "nobody wrote it but the section around"


def test_merging_collects_problems() -> None:
    below, above = parse("a:\n", "base"), parse("b:\n", "top")

    assert [problem.split(":")[0] for problem in merge(below, above).problems] == ["base", "top"]


values = st.recursive(
    st.integers() | st.none(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)
mappings = st.dictionaries(st.sampled_from("abc"), values)


@given(mappings, mappings, mappings)
@settings(max_examples=50)
def test_merging_is_associative_and_idempotent(one: dict, two: dict, three: dict) -> None:  # type: ignore[type-arg]
    first, second, third = plain(one, "1"), plain(two, "2"), plain(three, "3")

    left = merge(merge(first, second), third).values
    right = merge(first, merge(second, third)).values
    # A value that is no mapping, between two mappings, is what makes the order of merging matter.
    if not any(_hides(a, b) for a, b in ((one, two), (two, three), (one, three))):
        assert left == right
    assert merge(first, first).values == one


def _hides(below: object, above: object) -> bool:
    if isinstance(below, dict) and isinstance(above, dict):
        return any(_hides(below[key], above[key]) for key in below.keys() & above.keys())
    return isinstance(below, dict) != isinstance(above, dict)


def test_keys_are_written_as_on_the_command_line() -> None:
    assert dotted(("data", "crop", 0, "name")) == '"data.crop[0].name"'
