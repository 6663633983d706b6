"""Where relative paths start: on the command line in the current folder, in YAML files in the project's root."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detection.config import DetectionConfig
from lumbar.training.load import config_from_dict, config_to_dict

_PATH_KEYS = ("data.root", "model.weights", "model.backbone.weights")


def from_current_folder(override: str) -> str:
    """Makes the path of a `key.sub=value` from the command line absolute; other overrides stay as they are."""
    key, equals, value = override.partition("=")
    if not equals or key not in _PATH_KEYS:
        return override
    return f"{key}={_anchored(value, Path.cwd())}"


def from_root(config: DetectionConfig, root: Path) -> DetectionConfig:
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
    return config_from_dict(DetectionConfig, values)


def _sections(values: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key in _PATH_KEYS:
        *parents, leaf = key.split(".")
        section = values
        for parent in parents:
            section = section[parent]
        yield section, leaf


def _anchored(value: str, folder: Path) -> str:
    is_path = value != "none" and not value.startswith("torchvision/")
    return str(folder / Path(value).expanduser()) if is_path else value
