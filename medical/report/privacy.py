"""Who somebody is stays out of reports: columns that could tell are refused, and names are struck out of free text."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from medical.study.cases import Case, Study

HIDDEN = "(hidden)"
"""Stands where a name stood."""

_PERSONAL = re.compile(
    r"name|birth|geburt|naissance|patient|person|initial|address|adresse|phone|mail|doctor|physician|surgeon|"
    r"insurance|accession|mrn|ssn|dob|uid|zip|postal|postcode|street|date|comment|note|remark|file|path|folder",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"(^|[^a-z])(id|nr|no|number|key)($|[^a-z])", re.IGNORECASE)
_SHORTEST = 3
# Folders and files are called so wherever there is nothing to hide.
_HARMLESS = {"image", "images", "mask", "masks", "label", "labels", "train", "val", "test", "data"}
# So many patients may have one name, or one in so many of them.
_NAMESAKES, _SHARE_OF_NAMESAKES = 2, 20
_PATHS = {"data", "cases", "patient"}


class Strata(NamedTuple):
    """Columns of cases.csv, sorted by whether a report may show them."""

    shown: tuple[str, ...]
    refused: tuple[str, ...]


class Names:
    """The names of a study, which nobody but its owner is to read."""

    def __init__(self, study: Study) -> None:
        """Collects them from names of cases and files, and from patients.

        Words in these that many patients share, such as `benign` in `benign_12`, name nobody.
        """
        self.words = {word.casefold() for case in study.cases for word in _whole(case)}
        self.words |= _rare_parts(study)
        longest_first = sorted(self.words, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![^\W_])(?:{alternatives})\d*(?![^\W_])", re.IGNORECASE)

    def hide(self, text: str) -> str:
        """Strikes out every name in a text that somebody else has written."""
        return self._pattern.sub(HIDDEN, text) if self.words else text

    def strata(self, study: Study) -> Strata:
        """Chooses the columns by which a report may part its cases.

        A column is refused where its title is like name, patient, birth date or id, or a value of it is a name.

        Args:
            study: With the columns that it has.
        """
        columns = list(dict.fromkeys(column for case in study.cases for column in case.strata))
        values = {
            column: {case.strata.get(column, "") for case in study.cases} for column in columns
        }
        refused = [column for column in columns if self._tells(column, values[column])]
        shown = [column for column in columns if column not in refused]
        return Strata(tuple(shown), tuple(refused))

    def _tells(self, column: str, values: Iterable[str]) -> bool:
        titled = _PERSONAL.search(column) or _IDENTIFIER.search(column)
        return bool(titled) or any(self.hide(value) != value for value in values)


def public_config(config: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The settings of a run without paths and names, which could tell who somebody is.

    Args:
        config: In mappings, lists and plain values.
        names: Of the study.

    Returns:
        The same with `data`, `cases` and `patient` hidden, and of other paths the last part only.
    """
    hidden = {key: HIDDEN if config.get(key) else config.get(key) for key in _PATHS & {*config}}
    return {key: _public(value, names) for key, value in {**config, **hidden}.items()}


def _public(value: Any, names: Names) -> Any:
    if isinstance(value, Mapping):
        return {key: _public(inner, names) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_public(inner, names) for inner in value]
    if isinstance(value, str) and value != HIDDEN:
        return names.hide(value.rpartition("/")[2] if value.startswith(("/", "~")) else value)
    return value


def _whole(case: Case) -> set[str]:
    """What a case is called: its path, the last part of it, its files, its patient."""
    files = [path for path in (*case.images, case.mask) if path is not None]
    stems = [path.name.partition(".")[0] for path in files]
    return _telling({case.name, case.name.rpartition("/")[2], case.patient, *stems})


def _rare_parts(study: Study) -> set[str]:
    """The words of which names are made, but those of many patients."""
    patients: dict[str, set[str]] = {}
    for case in study.cases:
        for word in re.split(r"[\W_\d]+", " ".join([case.name, *_whole(case)])):
            patients.setdefault(word.casefold(), set()).add(case.patient)
    most = max(_NAMESAKES, len(study.patients) // _SHARE_OF_NAMESAKES)
    return _telling({word for word, own in patients.items() if len(own) <= most})


def _telling(words: set[str]) -> set[str]:
    return {word for word in words if len(word) >= _SHORTEST and word.casefold() not in _HARMLESS}
