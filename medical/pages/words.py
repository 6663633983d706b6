"""Numbers and counts as people read them."""

import math
from collections.abc import Sequence

NOTHING = "\u2013"
"""A dash, which stands where there is no number."""
_MINUS = "\u2212"
"""As wide as the other signs."""
_THIN_SPACE = "\u202f"


def number(value: float | None, digits: int = 0) -> str:
    """Writes a number with so many digits after the point, thousands parted by a thin space; none and nan as a dash.

    >>> number(0.8374, 3), number(12.0)
    ('0.837', '12')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    written = f"{value:,.{digits}f}".replace(",", _THIN_SPACE)
    rounded_to_zero = not float(f"{value:.{digits}f}")
    return written.lstrip("-") if rounded_to_zero else written.replace("-", _MINUS)


def brief(value: float) -> str:
    """Writes a number with three significant digits, however large or small it is.

    >>> brief(0.012345), brief(3.0), brief(123.4)
    ('0.0123', '3', '123')
    """
    if value == 0 or not math.isfinite(value):
        return number(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    written = number(value, min(digits, 9))
    return written.rstrip("0").rstrip(".") if "." in written else written


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Writes an interval.

    >>> interval(0.811, 0.87, 2)
    '0.81 to 0.87'
    """
    return f"{number(low, digits)} to {number(high, digits)}"


def count(amount: int, one: str, many: str | None = None) -> str:
    """Writes an amount of things.

    >>> count(1, "case"), count(3, "case"), count(0, "study", "studies")
    ('1 case', '3 cases', '0 studies')
    """
    return f"{number(amount)} {one if amount == 1 else many or f'{one}s'}"


def listed(names: Sequence[object], last: str = "and") -> str:
    """Joins names as a sentence does.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, final = [str(name) for name in names] or [""]
    return f"{', '.join(first)} {last} {final}" if first else final
