"""Whose a case is, and what stands for its name wherever others may read it."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lumbar.data.faults import refuse

_LEAST_DIGITS = 3
# The ends of names that tell the cases of one patient apart, the patient before them; each with one group.
_GROUPINGS = (
    r"([^/]*\d[^/]*)/[^/]+$",
    r"([^/]*\d[^/]*?)[_\-. ][^/_\-. ]+$",
    r"([^/]*\d)[A-Za-z]$",
)


class Suspicion(NamedTuple):
    """Names that look like several cases of one patient."""

    pattern: str
    """A regular expression that would group them."""
    groups: Mapping[str, tuple[str, ...]]
    """Names of the cases, by what looks like a patient; of those with more than one."""


def by_pattern(names: Sequence[str], pattern: str) -> list[str]:
    """Reads the patient of each case out of its name.

    Args:
        names: Of the cases.
        pattern: A regular expression with one group.

    Raises:
        ValueError: It is not found in a name.
    """
    matches = {name: re.search(pattern, name) for name in names}
    refuse(
        [name for name, match in matches.items() if match is None or not match[1]],
        what=f"patient: {pattern!r} is not found in the names of cases",
        fix="change the expression, or empty it and give a column `patient` in cases.csv",
    )
    return [match[1] for match in matches.values() if match is not None]


def aliases(patients: Sequence[str]) -> list[str]:
    """Names cases by numbers, `P007-2` for the second case of the seventh patient, in natural order.

    Args:
        patients: Of each case, in the order of the cases.
    """
    order = sorted({*patients}, key=natural)
    digits = max(_LEAST_DIGITS, len(str(len(order))))
    numbers = {patient: f"P{number:0{digits}d}" for number, patient in enumerate(order, start=1)}
    seen: dict[str, int] = {}
    found = []
    for patient in patients:
        seen[patient] = seen.get(patient, 0) + 1
        found.append(f"{numbers[patient]}-{seen[patient]}")
    return found


def natural(text: str) -> list[tuple[bool, int, str]]:
    """A key that sorts case 9 before case 10, and numbers before letters."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in re.split(r"(\d+)", text)
        if part
    ]


def suspicion(names: Sequence[str]) -> Suspicion | None:
    """Looks for names like P001_a and P001_b, where nothing says that they are one patient's.

    Args:
        names: Of cases that all count as different patients.

    Returns:
        The grouping that joins the most cases; None where no names look so.
    """
    found = [_grouped(names, pattern) for pattern in _GROUPINGS]
    joined = [sum(map(len, groups.values())) for groups in found]
    best = joined.index(max(joined))
    if not joined[best]:
        return None
    return Suspicion(_shortest(names, found[best], _GROUPINGS[best]), found[best])


def _grouped(names: Sequence[str], pattern: str) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        if match := re.search(pattern, name):
            groups.setdefault(match[1], []).append(name)
    # One group of everything is the name of a data set, not of a patient.
    return {key: tuple(own) for key, own in groups.items() if 1 < len(own) < len(names)}


def _shortest(names: Sequence[str], groups: Mapping[str, Sequence[str]], pattern: str) -> str:
    """Letters and digits where they make the same groups, which are easier to read than the general pattern."""
    letters = {re.sub(r"\d.*", "", group) for group in groups}
    simple = rf"({re.escape(letters.pop())}\d+)" if len(letters) == 1 else ""
    same = simple and all(re.search(simple, name) for name in names)
    if same and _grouped(names, simple) == groups:
        return simple
    return pattern
