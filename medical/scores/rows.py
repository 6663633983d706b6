"""One line of the table of a study: a class in a case, with its scores and where they come from."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, get_args

from medical.scores.case_scores import ClassScores, Status


@dataclass(frozen=True)
class Row:
    """The scores of one class in one case."""

    alias: str
    """Of the case, which names nobody: `P007-2`."""
    patient: int
    """Number of the patient."""
    fold: int | None
    """Whose model, which never saw the patient, predicted it; None where there are no folds."""
    class_name: str
    """Of the foreground class."""
    scores: ClassScores
    """How well it was segmented."""
    expected_dice: float
    """What the probabilities promised for the case, before anyone saw the truth; NaN where nobody asked."""
    strata: Mapping[str, str]
    """Further facts about the case, by column of cases.csv; all rows have the same columns."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the row ready for JSON, its scores beside the rest, null for NaN."""
        values: dict[str, Any] = {
            "alias": self.alias,
            "patient": self.patient,
            "fold": self.fold,
            "class": self.class_name,
            **asdict(self.scores),
            "expected_dice": self.expected_dice,
        }
        numbers = {key: None if _is_nan(value) else value for key, value in values.items()}
        return numbers | {"strata": {**self.strata}}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Restores what `to_dict` returned; numbers may be texts, and what is missing may be empty.

        Raises:
            ValueError: A number is none, a status is unknown, or a key is missing.
        """
        try:
            scores = {key: read(saved[key]) for key, read in _SCORES.items()}
            return cls(
                alias=str(saved["alias"]),
                patient=int(saved["patient"]),
                fold=None if saved["fold"] in (None, "") else int(saved["fold"]),
                class_name=str(saved["class"]),
                scores=ClassScores(**scores),
                expected_dice=_float(saved["expected_dice"]),
                strata={str(key): str(value) for key, value in saved["strata"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no row of a table of cases, {error!r}: {saved!r:.200}") from error


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _float(value: Any) -> float:
    return math.nan if value in (None, "") else float(value)


def _status(value: Any) -> str:
    if value not in get_args(Status):
        raise ValueError(f"status {value!r} is none of {', '.join(get_args(Status))}")
    return str(value)


_READERS: Mapping[Any, Callable[[Any], Any]] = {float: _float, int: int, Status: _status}
_SCORES = {field.name: _READERS[field.type] for field in fields(ClassScores)}
