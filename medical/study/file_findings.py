"""Findings about files that cannot be used: damaged, lossy, of another place, with values that mean nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

from lumbar.data.pixel_classes import PixelClasses
from medical.study.cases import Study
from medical.study.facts import Damage, Survey
from medical.study.finding import Finding
from medical.study.truth import UndeclaredError
from medical.study.values import meaning_line, unknown_values


def file_findings(study: Study, survey: Survey) -> Iterator[Finding]:
    """Says what is wrong with the cases without facts; alike ones together."""
    undeclared = [d for d in survey.damaged if isinstance(d.error, UndeclaredError)]
    if undeclared:
        yield _undeclared(undeclared, survey, study.classes)
    groups: dict[str, list[Damage]] = {}
    for damage in survey.damaged:
        if damage not in undeclared:
            groups.setdefault(_kind(damage), []).append(damage)
    for group in groups.values():
        yield _unusable(group)


def _undeclared(damaged: list[Damage], survey: Survey, classes: PixelClasses) -> Finding:
    counts = survey.undeclared
    return Finding(
        "fatal",
        "undeclared values",
        f"{len(damaged)} masks have {unknown_values(counts, classes)}",
        tuple(str(damage.case.mask) for damage in damaged),
        meaning_line(counts, classes),
    )


def _unusable(group: list[Damage]) -> Finding:
    told = _told(group[0])
    what = f"{told[:1].upper()}{told[1:]}"
    if len(group) > 1:
        what = f"{len(group)} cases cannot be used; of the first: {told}"
    return Finding(
        "fatal",
        "unusable files",
        what,
        tuple(_told_file(damage) for damage in group),
        "repair or replace the files, or take them out of the folders",
    )


def _kind(damage: Damage) -> str:
    """The message without what differs from file to file."""
    return re.sub(r"[\d.]+", "#", _told(damage))


def _told(damage: Damage) -> str:
    """The message, without the names of the folders."""
    text = str(damage.error)
    for path in _files(damage):
        text = text.removeprefix(f"{path}: ").replace(str(path), path.name)
    return text


def _told_file(damage: Damage) -> str:
    """The file that the message is about."""
    named = [path for path in _files(damage) if str(path) in str(damage.error)]
    return str(named[0] if named else damage.case.images[0])


def _files(damage: Damage) -> list[Path]:
    mask = damage.case.mask
    return [*([mask] if mask else []), *damage.case.images]
