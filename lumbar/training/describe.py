"""Every setting with its type, default and meaning, as `--help-config` shows it."""

import textwrap
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lumbar.training.complaints import kinds_of, nearest, sections, shown
from lumbar.training.yaml_marks import ConfigError

_WIDTH = 100
_TYPE_COLUMN = 44

_NAMES: dict[object, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    NoneType: "null",
    Any: "anything",
}


def describe(schema: type[BaseModel], section: str | None = None) -> str:
    """Text about each setting: what to type on the command line to get the default, its type, and what it does.

    Args:
        schema: The root of the config.
        section: Dotted name of a section or of one setting; None describes all. `losses` is a list of sections of
            several kinds, `losses[dice]` one of these.

    Raises:
        ConfigError: There is no such section.
    """
    every = {"": schema} | sections(schema)
    if section is None:
        return "\n\n".join(_section(name, every[name]) for name in every)
    inside = [name for name in every if f"{name}.".startswith((f"{section}.", f"{section}["))]
    own_setting = [] if section in every else [_one(every, section)]
    return "\n\n".join([*own_setting, *(_section(name, every[name]) for name in inside)])


def _one(every: dict[str, type[BaseModel]], key: str) -> str:
    place, _, name = key.rpartition(".")
    if place in every and name in every[place].model_fields:
        return "\n".join(_setting(key, every[place].model_fields[name]))
    hint = nearest(key, every) or f"; there are {', '.join(filter(None, every))}"
    raise ConfigError(f'no section "{key}"{hint}')


def _section(name: str, section: type[BaseModel]) -> str:
    prefix = f"{name}." if name else ""
    title = textwrap.fill(f"{name or 'The whole config'}: {section.__doc__}", _WIDTH)
    lines = [title, ""]
    for key, field in section.model_fields.items():
        if _is_setting(field.annotation):
            lines += _setting(prefix + key, field)
    return "\n".join(lines)


def _is_setting(annotation: object) -> bool:
    """Neither a section of its own, nor the name by which a section is told from others."""
    only_choice = get_origin(annotation) is Literal and len(get_args(annotation)) == 1
    return "" not in kinds_of(annotation) and not only_choice


def _setting(key: str, field: FieldInfo) -> Iterator[str]:
    """A line with the default and the type, and lines with the meaning."""
    default = "" if field.is_required() else _default(field.get_default(call_default_factory=True))
    kind = ", ".join([_type(field.annotation), *_bounds(field)])
    yield textwrap.fill(
        kind,
        _WIDTH,
        initial_indent=f"  {key}={default}".ljust(_TYPE_COLUMN - 2) + "  ",
        subsequent_indent=" " * _TYPE_COLUMN,
    )
    yield textwrap.fill(
        field.description or "", _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
    )


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_default, value))}]"
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_defaults=True)
        return f"{{{', '.join(f'{key}: {_default(inner)}' for key, inner in given.items())}}}"
    return value if isinstance(value, str) else shown(value)


def _type(annotation: object) -> str:
    arguments = get_args(annotation)
    match get_origin(annotation):
        case _ if annotation in _NAMES:
            return _NAMES[annotation]
        case origin if origin is Literal:
            return " | ".join(map(str, arguments))
        case origin if origin is Annotated:
            return _type(arguments[0])
        case origin if origin in (Union, UnionType):
            return " or ".join(dict.fromkeys(map(_type, arguments)))
        case origin if origin is tuple:
            items = ["..." if item is Ellipsis else _type(item) for item in arguments]
            return f"[{', '.join(items)}]"
        case _:
            return "mapping"


def _bounds(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        match bound:
            case annotated_types.Ge(limit):
                yield f"at least {limit}"
            case annotated_types.Gt(limit):
                yield f"more than {limit}"
            case annotated_types.Le(limit):
                yield f"at most {limit}"
            case annotated_types.Lt(limit):
                yield f"less than {limit}"
