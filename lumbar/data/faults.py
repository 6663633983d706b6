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
    told = [*dict.fromkeys(faults)]  # a wrong setting is the same mistake in every file
    rest = len(told) - _SHOWN
    lines = [f"{what} ({len(faults)} in all):", *told[:_SHOWN]]
    lines += [f"... and {rest} more"] if rest > 0 else []
    raise ValueError("\n  ".join(lines) + (f"\n{fix}" if fix else ""))
