"""Mistakes in many files, told at once."""

from collections.abc import Sequence

_SHOWN = 10


def refuse(faults: Sequence[str], *, what: str, fix: str = "") -> None:
    """Tells all mistakes: the first ten by name, the others by their number.

    Args:
        faults: A clause for each, with the name of its file.
        what: What they have in common.
        fix: What to do about them.

    Raises:
        ValueError: There are any.
    """
    if not faults:
        return
    rest = len(faults) - _SHOWN
    lines = [f"{what} ({len(faults)} in all):", *faults[:_SHOWN]]
    lines += [f"... and {rest} more"] if rest > 0 else []
    raise ValueError("\n  ".join(lines) + (f"\n{fix}" if fix else ""))
