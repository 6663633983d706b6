"""From YAML files and the command line to a checked config; imports no torch, so that mistakes are told at once."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lumbar.training.complaints import complaints, nearest, sections
from lumbar.training.describe import describe
from lumbar.training.yaml_marks import (
    ConfigError,
    Document,
    Key,
    dump,
    merge,
    parse,
    parse_override,
    plain,
)

__all__ = [
    "ConfigError",
    "config_from_dict",
    "config_to_dict",
    "describe",
    "dump_config",
    "load_config",
    "override_config",
    "project_root",
]

T = TypeVar("T", bound=BaseModel)

_PACKAGED = Path(__file__).parents[1] / "configs"
_EMPTY: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


def load_config(
    schema: type[T],
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    presets: Mapping[str, Mapping[str, Any]] = _EMPTY,
) -> T:
    """Reads a config with its bases, lays the overrides over it and the preset under it, and checks every key.

    Args:
        schema: The root of the config.
        source: A YAML file: a path, or the name of one in `configs/`, with or without its suffix.
        overrides: `key.sub=value` each, with a YAML value; later ones win.
        presets: Settings for each value of the key `preset`; whatever is given elsewhere wins over them.

    Raises:
        ConfigError: With a line for each thing that is wrong: its place, its key, and the nearest right one.
    """
    whole = _mappings(schema)
    document = _read(_find(str(source), Path.cwd()), (), whole)
    document = _overridden(document, overrides, whole)
    return _checked(schema, merge(_preset(schema, document, presets), document, whole=whole))


def config_from_dict(schema: type[T], values: Mapping[str, Any]) -> T:
    """The config that `config_to_dict` made plain.

    Raises:
        ConfigError: The values do not fit the schema.
    """
    return _checked(schema, plain(values, ""))


def override_config(config: T, overrides: Sequence[str]) -> T:
    """The config with some of its settings changed.

    Args:
        config: A whole config, as weights and checkpoints hold it.
        overrides: `key.sub=value` each, with a YAML value; later ones win.

    Raises:
        ConfigError: With a line for each override that is wrong.
    """
    document = plain(config_to_dict(config), "saved config")
    return _checked(type(config), _overridden(document, overrides, _mappings(type(config))))


def config_to_dict(config: BaseModel) -> dict[str, Any]:
    """The config in mappings, lists, text and numbers, as checkpoints and JSON hold it."""
    return config.model_dump(mode="json")


def dump_config(config: BaseModel) -> str:
    """The config as YAML, every key in the order of the schema; `load_config` reads it back."""
    return dump(config_to_dict(config))


def project_root() -> Path:
    """The folder that holds `configs/`, from which the paths in a config start.

    In a checkout that is its root; an installed package carries its configs within itself, and paths start from the
    current folder.
    """
    return Path.cwd() if _PACKAGED.is_dir() else _PACKAGED.parents[1]


def _find(name: str, folder: Path) -> Path:
    """The file of a config: from `folder`, or by its bare name in `configs/`."""
    folders = [folder]
    if Path(name).name == name:
        folders += [project_root() / "configs"] + [_PACKAGED] * _PACKAGED.is_dir()
    for place in folders:
        for path in (place / name, place / f"{name}.yaml"):
            if path.is_file():
                return path
    places = [(place / name).parent.absolute() for place in folders]
    existing = {file.name for place in places for file in place.glob("*.yaml")}
    hint = nearest(Path(name).name, sorted(existing))
    raise ConfigError(f'no such config "{name}"{hint} (looked in {", ".join(map(str, places))})')


def _mappings(schema: type[BaseModel]) -> frozenset[Key]:
    """The settings that are mappings of names that nobody knows: a new one replaces the old one as a whole."""
    every = {"": schema} | sections(schema)
    return frozenset(
        (*filter(None, place.split(".")), name)
        for place, section in every.items()
        for name, field in section.model_fields.items()
        if _is_mapping(field.annotation)
    )


def _is_mapping(annotation: object) -> bool:
    return get_origin(annotation) is dict or any(map(_is_mapping, get_args(annotation)))


def _overridden(document: Document, overrides: Sequence[str], whole: frozenset[Key]) -> Document:
    for override in overrides:
        above = parse_override(override)
        sections_around = {key[:-1] for key in above.origins}  # `classes.cat=1` adds to the classes
        document = merge(document, above, whole=whole - sections_around)
    return document


def _read(path: Path, chain: tuple[Path, ...], whole: frozenset[Key]) -> Document:
    """A file over its bases, which are read first; `chain` is the way that led here."""
    path = Path(os.path.normpath(path.absolute()))
    if path in chain:
        names = " -> ".join(link.name for link in (*chain, path))
        raise ConfigError(f"{_displayed(chain[-1])}: the bases go in a circle, {names}")
    document = parse(_text(path), _displayed(path))
    origin = document.origin(("_base_",))
    below = Document({}, {})
    for base in _bases(document.values.pop("_base_", []), origin):
        try:
            file = _find(base, path.parent)
        except ConfigError as error:
            raise ConfigError(f"{origin}: _base_: {error}") from error
        below = merge(below, _read(file, (*chain, path), whole), whole=whole)
    return merge(below, document, whole=whole)


def _bases(value: Any, origin: str) -> list[str]:
    names: list[str] = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"{origin}: _base_ must be the name of a config, or a list of them, got {value}"
        )
    return names


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{_displayed(path)}: cannot be read, {error}") from error


def _displayed(path: Path) -> str:
    """Relative to the current folder where it lies inside."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _preset(
    schema: type[BaseModel], document: Document, presets: Mapping[str, Mapping[str, Any]]
) -> Document:
    if "preset" not in schema.model_fields:
        return plain({}, "")
    name = document.values.get("preset", schema.model_fields["preset"].default)
    return plain(presets.get(name, {}) if isinstance(name, str) else {}, f"preset {name}")


def _checked(schema: type[T], document: Document) -> T:
    problems = list(document.problems)
    try:
        # Strict JSON: lists become tuples and whole numbers floats, and nothing else is converted.
        config = schema.model_validate_json(json.dumps(document.values), strict=True)
    except ValidationError as error:
        problems += complaints(error, document, schema)
    if problems:
        raise ConfigError("\n".join(sorted(problems, key=_natural)))
    return config


def _natural(text: str) -> list[str | int]:
    """Sorts line 9 before line 10."""
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", text)]
