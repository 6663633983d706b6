"""What is wrong with a config, said for the person who wrote it."""

import difflib
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import filterfalse, groupby
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lumbar.training.yaml_marks import Document, Key, dotted

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a section of settings",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "a list of at least {min_length} values",
    "too_long": "a list of at most {max_length} values",
    "missing": "a list of more values",
}
"""Ends of the sentence `"key" must be ...`, by pydantic's type of error."""

_LONGEST_VALUE = 60


def complaints(
    error: ValidationError, document: Document, schema: type[BaseModel]
) -> Iterator[str]:
    """Yields a line for each wrong key: where it was written, what it is and what it must be.

    Args:
        error: What pydantic found.
        document: The settings that were validated.
        schema: The root of the config.
    """
    details = map(_of_name, filterfalse(_is_echo, error.errors(include_url=False)))
    for key, found in groupby(details, key=lambda detail: _key_of(detail, document.values)):
        origin = document.origin(key)
        complaint = _complaint(key, list(found), document.values, schema)
        yield (f"{origin}: " if origin else "") + complaint


def nearest(name: str, choices: Iterable[str]) -> str:
    """The choice that `name` may be a misspelling of, as `, did you mean "..."?`; empty if none is near."""
    near = difflib.get_close_matches(name, list(choices), 1, 0.5)
    return f', did you mean "{near[0]}"?' if near else ""


def sections(schema: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """All sections below `schema` by their dotted names, in its order; one kind of several as `losses[dice]`."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in schema.model_fields.items():
        for kind, section in kinds_of(field.annotation).items():
            place = name + kind
            found[place] = section
            found |= {f"{place}.{inner}": below for inner, below in sections(section).items()}
    return found


def kinds_of(annotation: object) -> dict[str, type[BaseModel]]:
    """The sections that a field of this type holds, also where it is optional or a list.

    Returns:
        A single one by no name at all; those of a union, which differ by their key `name`, as `[dice]`.
    """
    kinds = list(_members(annotation))
    if len(kinds) == 1:
        return {"": kinds[0]}
    return {f"[{get_args(kind.model_fields['name'].annotation)[0]}]": kind for kind in kinds}


def _members(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _members(argument)


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list is only short of the values that were complained about already."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _of_name(detail: ErrorDetails) -> ErrorDetails:
    """Lays it to the key `name` if that does not say which of several sections is meant."""
    location = (*detail["loc"], "name")
    match detail["type"]:
        case "union_tag_not_found":
            return {**detail, "type": "missing", "loc": location}
        case "union_tag_invalid":
            value, names = detail["input"]["name"], {"expected": detail["ctx"]["expected_tags"]}
            return {
                **detail,
                "type": "literal_error",
                "loc": location,
                "input": value,
                "ctx": names,
            }
    return detail


def _key_of(detail: ErrorDetails, values: Any) -> Key:
    """The part of pydantic's location that exists in the config; the rest names members of unions."""
    key: Key = ()
    for part in detail["loc"]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            if not _is_kind(values, part):
                break
        else:
            key = (*key, part)
    return key


def _is_kind(values: Any, name: object) -> bool:
    return isinstance(values, dict) and values.get("name") == name


def _complaint(
    key: Key, found: Sequence[ErrorDetails], values: Mapping[str, Any], schema: type[BaseModel]
) -> str:
    first = found[0]
    value = first["input"]
    if first["type"] == "extra_forbidden":
        return _unknown(key, values, schema)
    if first["type"] == "missing" and not isinstance(value, list):
        return f"{dotted((*key, first['loc'][-1]))} is missing"
    wanted = list(dict.fromkeys(_wanted(detail) for detail in found))
    if not all(wanted):
        return f"{dotted(key)}: {first['msg'].removeprefix('Value error, ')}"
    choices = [choice for detail in found for choice in _choices(detail)]
    near = nearest(value, choices) if isinstance(value, str) else ""
    return f"{dotted(key)} must be {' or '.join(wanted)}, got {shown(value)}{near}"


def _wanted(detail: ErrorDetails) -> str:
    choices = _choices(detail)
    if choices:
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    return _WANTED.get(detail["type"], "").format(**detail.get("ctx", {}))


def _choices(detail: ErrorDetails) -> list[str]:
    if detail["type"] != "literal_error":
        return []
    return re.findall("'([^']*)'", detail["ctx"]["expected"])


def _unknown(key: Key, values: Mapping[str, Any], schema: type[BaseModel]) -> str:
    *path, name = key
    everywhere = {"": schema} | sections(schema)
    same_name = [
        f"{place}.{name}".lstrip(".")
        for place, section in everywhere.items()
        if name in section.model_fields
    ]
    keys = everywhere[_place(path, values, everywhere)].model_fields
    hint = nearest(str(name), keys) or f"; the keys here are {', '.join(keys)}"
    if same_name:
        hint = ", did you mean " + " or ".join(f'"{other}"' for other in same_name[:3]) + "?"
    return f"unknown key {dotted(key)}{hint}"


def _place(path: Sequence[str | int], values: Any, everywhere: Container[str]) -> str:
    """The name that `sections` has for the section at a key."""
    place = ""
    for part in path:
        values = values[part]
        if isinstance(part, str):
            place = f"{place}.{part}".lstrip(".")
        if isinstance(values, dict) and f"{place}[{values.get('name')}]" in everywhere:
            place += f"[{values['name']}]"
    return place


def shown(value: object) -> str:
    """A value as it would be written in YAML, shortened if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 4] + " ..."
