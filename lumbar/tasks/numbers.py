"""Numbers of score files and tables, where one may not exist."""

import math
from typing import Any

import numpy as np


def number_or_none(value: Any) -> float | None:
    """Makes a number of Python of a scalar or an array of one element; None of NaN, which JSON does not have."""
    number: float = np.asarray(value).item()
    return None if math.isnan(number) else number


def shown_number(value: float | None) -> str:
    """Renders three decimals of a fraction, a whole number as it is, and a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
