"""The config that MMSegmentation writes into its files, as text in Python; it is parsed and never run."""

import ast
from collections.abc import Mapping
from typing import Any

_UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def read_recipe(notes: Mapping[str, object]) -> dict[str, Any]:
    """The settings in the config of a file, empty where there is none.

    Args:
        notes: What stands beside the tensors of a file.

    Returns:
        Plain values by name, those of parts in dictionaries of their own; None stands for what is no plain value.
    """
    try:
        return {
            ast.unparse(statement.targets[0]): _plain(statement.value)
            for statement in ast.parse(_text(notes)).body
            if isinstance(statement, ast.Assign)
        }
    except _UNPARSABLE:
        return {}


def part(settings: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The first of these parts that the settings have, or an empty one."""
    parts = (settings.get(name) for name in names)
    return next((found for found in parts if isinstance(found, Mapping)), {})


def _text(notes: Mapping[str, object]) -> str:
    meta = notes.get("meta")
    texts = [meta.get(key) for key in ("cfg", "config")] if isinstance(meta, Mapping) else []
    return next((text for text in texts if isinstance(text, str)), "")


def _plain(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=entries):
            return {entry.arg: _plain(entry.value) for entry in entries}
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(map(_plain, items))
    try:
        return ast.literal_eval(node)
    except _UNPARSABLE:
        return None
