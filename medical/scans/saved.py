"""Settings that were saved as JSON: they are complete, and there is nothing else."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def checked_keys(kind: type[Any], saved: Mapping[str, Any]) -> None:
    """Checks that saved settings have the keys of a dataclass.

    Args:
        kind: The dataclass.
        saved: What was read.

    Raises:
        ValueError: Keys are missing, or there are others.
    """
    expected = [field.name for field in fields(kind)]
    if not isinstance(saved, Mapping) or {*saved} != {*expected}:
        raise ValueError(
            f"expected {kind.__name__} with {', '.join(expected)}, got {saved!r:.200}; it was written by another "
            "version, or by hand"
        )
