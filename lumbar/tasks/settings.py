"""The settings of a run, which mean the same in any folder: whole configs with absolute paths.

Relative paths start on the command line in the current folder, in YAML files in the project's root.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from lumbar.training.load import (
    config_from_dict,
    config_to_dict,
    load_config,
    override_config,
    project_root,
)

C = TypeVar("C", bound=BaseModel)
Presets = Mapping[str, Mapping[str, Any]]

NO_PRESETS: Presets = MappingProxyType({})
_PATH_KEYS = ("data", "data.root", "cases", "model.weights", "model.backbone.weights")
"""Where they hold a text: `data` is a folder in some configs, and a section in others."""
_PUBLISHED = ("torchvision/", "timm/")


def load_settings(
    schema: type[C],
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    presets: Presets = NO_PRESETS,
) -> C:
    """Reads a config as `load_config` does, and makes its paths absolute.

    Args:
        schema: The root of the config.
        source: A YAML file: a path, or the name of one in `configs/`.
        overrides: `key.sub=value` each.
        presets: Settings for each value of the key `preset`.

    Raises:
        ConfigError: With a line for each thing that is wrong.
    """
    return from_root(load_config(schema, source, overrides, presets=presets), project_root())


def settings_for(
    saved: C, source: str | None, overrides: Sequence[str], *, presets: Presets = NO_PRESETS
) -> C:
    """Chooses the settings that weights are evaluated with.

    Args:
        saved: Those that the weights carry.
        source: Another config; None takes the saved one.
        overrides: Settings that win over either.
        presets: Settings for each value of the key `preset`.

    Raises:
        ConfigError: With a line for each thing that is wrong.
    """
    if source is not None:
        return load_settings(type(saved), source, overrides, presets=presets)
    return from_root(override_config(saved, overrides), project_root())


def from_current_folder(override: str) -> str:
    """Makes the path of a `key.sub=value` from the command line absolute; other overrides stay as they are."""
    key, equals, value = override.partition("=")
    if not equals or key not in _PATH_KEYS or value.startswith("{"):
        return override
    return f"{key}={_anchored(value, Path.cwd())}"


def from_root(config: C, root: Path) -> C:
    """Makes the relative paths of a config absolute.

    Args:
        config: As it was loaded.
        root: Folder that its relative paths start from.

    Returns:
        The same config, which means the same in any folder.
    """
    values = config_to_dict(config)
    for section, leaf in _sections(values):
        section[leaf] = _anchored(section[leaf], root)
    return config_from_dict(type(config), values)


def _sections(values: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key in _PATH_KEYS:
        *parents, leaf = key.split(".")
        section: Any = values
        for parent in parents:
            section = section[parent]
        if isinstance(section, dict) and isinstance(section.get(leaf), str) and section[leaf]:
            yield section, leaf


def _anchored(value: str, folder: Path) -> str:
    is_path = value != "none" and not value.startswith(_PUBLISHED)
    return str(folder / Path(value).expanduser()) if is_path else value
