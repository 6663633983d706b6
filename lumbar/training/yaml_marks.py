"""YAML read strictly, with the place of every key kept for the messages of the loader."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import yaml
from yaml.composer import ComposerError

Key = tuple[str | int, ...]
"""Way from the root of a config to one of its values: names of sections and indices of lists."""


class ConfigError(ValueError):
    """A config that cannot be used; a line for each thing that is wrong with it."""


class Document(NamedTuple):
    """Settings as plain values, and where each was written."""

    values: dict[str, Any]
    origins: dict[Key, str]
    """`file:line`, `command line` or `preset NAME` for each key."""
    problems: tuple[str, ...] = ()
    """What is wrong already, before any schema was asked."""

    def origin(self, key: Key) -> str:
        """Where `key`, or else the nearest section around it, was written; empty if nobody knows."""
        lengths = range(len(key), 0, -1)
        return next((self.origins[key[:n]] for n in lengths if key[:n] in self.origins), "")


_NULL, _BOOL, _INT, _FLOAT, _TEXT, _SEQUENCE, _MAPPING = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")
)

_SCALARS: Mapping[str, Callable[[str], Any]] = {
    _NULL: lambda _text: None,
    _BOOL: lambda text: text.lower() == "true",
    _INT: int,
    _FLOAT: lambda text: _finite(float(text)),
    _TEXT: str,
}


class _Composer(yaml.SafeLoader):
    """Composes nodes by the core rules of YAML 1.2: `1e-4` is a number, `no` and `2024-01-01` are text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own way to empty the table of YAML 1.1

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuses aliases: a few of them can stand for gigabytes."""
        if self.check_event(yaml.AliasEvent):
            problem = "anchors and aliases are not supported, write the value again"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(problem=problem, problem_mark=mark)
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """Writes sections as blocks, lists in brackets, and quotes text that YAML 1.1 or 1.2 would take for more."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_representer(
    list, lambda dumper, items: dumper.represent_sequence(_SEQUENCE, items, flow_style=True)
)

for _tag, _pattern, _first in (
    (_NULL, r"~|null|Null|NULL|", [*"~nN", ""]),
    (_BOOL, r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    (_INT, r"[-+]?[0-9]+", [*"-+0123456789"]),
    (_FLOAT, r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
):
    for _class in (_Composer, _Dumper):
        _class.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), _first)


def parse(text: str, name: str) -> Document:
    """Reads the text of a YAML file.

    Args:
        text: A mapping, or nothing.
        name: The file, as it should appear in messages.

    Raises:
        ConfigError: The text is not YAML, or not a mapping; lesser problems are kept in the document.
    """
    reader = _Reader(lambda line: f"{name}:{line}")
    values = reader.read(text, ())
    if not isinstance(values, dict | None):
        raise ConfigError(f"{name}:1: a config is a mapping of keys to values, got {values!r}")
    return Document(values or {}, reader.origins, tuple(reader.problems))


def parse_override(text: str) -> Document:
    """Reads one `key.sub=value` of the command line; the value is YAML.

    Raises:
        ConfigError: There is no key, or the value is not YAML.
    """
    name, equals, value = text.partition("=")
    key = tuple(name.strip().split("."))
    if not (equals and all(key)):
        raise ConfigError(f'command line: "{text}" must look like key.sub=value')
    reader = _Reader(lambda _line: f'command line: "{text}"')
    values = reader.read(value, key)
    for end in range(len(key), 0, -1):
        values = {key[end - 1]: values}
    origins: dict[Key, str] = {key[:end]: "command line" for end in range(1, len(key) + 1)}
    return Document(values, origins, tuple(reader.problems))


def dump(values: Mapping[str, Any]) -> str:
    """The text of a YAML file with these values, in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def plain(values: Mapping[str, Any], origin: str) -> Document:
    """A document of values that no file holds; `origin` says where they come from."""
    origins: dict[Key, str] = {(key,): origin for key in values} if origin else {}
    return Document(dict(values), origins)


def merge(below: Document, above: Document, *, whole: Collection[Key] = ()) -> Document:
    """Lays one document over another: sections are merged key by key, everything else is replaced.

    Args:
        below: The one that loses.
        above: The one that wins.
        whole: Keys of mappings that are no sections.
    """
    values, origins = dict(below.values), dict(below.origins)
    _merge_into(values, above.values, (), origins, whole)
    return Document(values, origins | above.origins, below.problems + above.problems)


def _merge_into(
    below: dict[str, Any],
    above: Mapping[str, Any],
    path: Key,
    origins: dict[Key, str],
    whole: Collection[Key],
) -> None:
    for name, value in above.items():
        key, old = (*path, name), below.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and key not in whole:
            below[name] = dict(old)
            _merge_into(below[name], value, key, origins, whole)
        else:
            below[name] = value
            for hidden in [known for known in origins if known[: len(key)] == key]:
                del origins[hidden]


class _Reader:
    """Turns YAML into values, and notes where each stands and what is wrong with it."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self.place = place
        self.origins: dict[Key, str] = {}
        self.problems: list[str] = []

    def read(self, text: str, path: Key) -> Any:
        try:
            root = _Composer(text).get_single_node()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = self.place(mark.line + 1 if mark else 1)
            reason = getattr(error, "problem", None) or " ".join(str(error).split())
            raise ConfigError(f"{place}: not valid YAML, {reason}") from error
        return None if root is None else self._value(root, path)

    def _value(self, node: yaml.Node, path: Key) -> Any:
        if path:
            self.origins.setdefault(path, self._place(node))
        if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQUENCE:
            return [self._value(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return self._scalar(node)
        raise ConfigError(f"{self._place(node)}: the tag {node.tag} is not allowed")

    def _mapping(self, node: yaml.MappingNode, path: Key) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name, place = key_node.value, self._place(key_node)
            if key_node.tag != _TEXT:
                self.problems.append(f"{place}: a key must be text")
                continue
            key = (*path, name)
            if name in mapping:
                problem = f"{place}: key {dotted(key)} is given twice, first at {self.origins[key]}"
                self.problems.append(problem)
            self.origins[key] = place
            if value_node.value == "" and value_node.tag == _NULL:
                self.problems.append(
                    f"{place}: {dotted(key)} has no value, remove it or write null"
                )
            mapping[name] = self._value(value_node, key)
        return mapping

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            return _SCALARS[node.tag](node.value)
        except ValueError as error:
            raise ConfigError(
                f"{self._place(node)}: cannot read {node.value[:40]!r}, {error}"
            ) from error

    def _place(self, node: yaml.Node) -> str:
        return self.place(node.start_mark.line + 1)


def dotted(key: Key) -> str:
    """A key as it is written on the command line, in quotes: `"data.augment.crop[0]"`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return f'"{"".join(parts).removeprefix(".")}"'


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("the number is too large")
    return number
