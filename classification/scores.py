"""The scores of a split, all of them from whole numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from classification.counts import Answers, Floats, Integers, confusion, ratio
from lumbar.tasks.numbers import number_or_none, shown_number

_MEANINGS = {
    "top1": "images whose class has the highest score",
    "top5": "images whose class is among the five highest",
    "mean_recall": "images of a class that are found, mean over classes",
    "mean_precision": "answers of a class that are right, mean over classes",
    "mean_f1": "harmonic mean of these two of a class, mean over classes",
}
_COLUMNS = ("images", "right", "answers", "recall", "precision", "f1")
_TOP = 5
_WIDTH = 10
_SHOWN_CLASSES = 12
_SHOWN_MISTAKES = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassificationScores:
    """Scores from 0 to 1, None where there is nothing to score."""

    class_names: Sequence[str]
    answers: Answers
    """To every image."""

    @property
    def summary(self) -> dict[str, float | None]:
        """The numbers that are logged; the top five of five classes or fewer say nothing."""
        ranks, per_class = self.answers.ranks, self._by_class()
        numbers = {
            "top1": _mean(ranks < 1),
            "top5": _mean(ranks < _TOP) if len(self.class_names) > _TOP else math.nan,
        }
        for name in ("recall", "precision", "f1"):
            numbers[f"mean_{name}"] = _mean(per_class[name][~np.isnan(per_class["recall"])])
        return {name: number_or_none(value) for name, value in numbers.items()}

    @property
    def per_class(self) -> dict[str, dict[str, float | None]]:
        """The numbers of each class."""
        columns = self._by_class()
        return {
            name: {key: number_or_none(values[place]) for key, values in columns.items()}
            for place, name in enumerate(self.class_names)
        }

    @property
    def confusion(self) -> Integers:
        """(K, K) images by their true class, and by the one they were given."""
        return confusion(self.answers, len(self.class_names))

    def mistakes(self) -> list[tuple[str, str, int]]:
        """Pairs of classes that were taken for each other, true and given, with their number, most frequent first."""
        table = self.confusion
        np.fill_diagonal(table, 0)
        order = np.argsort(-table, axis=None, kind="stable")[: np.count_nonzero(table)]
        pairs = zip(*np.unravel_index(order, table.shape), strict=True)
        names = self.class_names
        return [(names[true], names[given], int(table[true, given])) for true, given in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Returns what results.json holds."""
        ranks = self.answers.ranks
        return {
            "summary": self.summary,
            "num_images": len(ranks),
            "num_right": {"top1": int((ranks < 1).sum()), "top5": int((ranks < _TOP).sum())},
            "per_class": self.per_class,
            "class_names": [*self.class_names],
            "confusion": self.confusion.tolist(),
        }

    def table(self) -> str:
        """Renders the numbers for a terminal."""
        summary = self.summary
        lines = [f"{len(self.answers.ranks)} images of {len(self.class_names)} classes"]
        lines += [
            f"{name:16}{shown_number(summary[name]):>6}  {_MEANINGS[name]}" for name in _MEANINGS
        ]
        return "\n".join([*lines, *self._class_lines(), *self._confusion_lines()])

    def _class_lines(self) -> list[str]:
        width = max(map(len, ("class", *self.class_names)))
        head = f"{'class':{width}}" + "".join(f"{name:>{_WIDTH}}" for name in _COLUMNS)
        rows = [
            f"{name:{width}}" + "".join(f"{shown_number(row[key]):>{_WIDTH}}" for key in _COLUMNS)
            for name, row in self.per_class.items()
        ]
        return [head, *rows]

    def _confusion_lines(self) -> list[str]:
        if len(self.class_names) > _SHOWN_CLASSES:
            worst = self.mistakes()[:_SHOWN_MISTAKES]
            return ["most frequent mistakes", *(f"  {t} taken for {g}: {n}" for t, g, n in worst)]
        width = max(map(len, self.class_names))
        cell = max(width, 6) + 2
        head = " " * width + "".join(f"{name:>{cell}}" for name in self.class_names)
        rows = [
            f"{name:{width}}" + "".join(f"{count:>{cell}}" for count in counts)
            for name, counts in zip(self.class_names, self.confusion.tolist(), strict=True)
        ]
        return ["images by their class (rows) and the one they were given (columns)", head, *rows]

    def _by_class(self) -> dict[str, Integers | Floats]:
        """(K,) each."""
        table = self.confusion
        images, answers, right = table.sum(1), table.sum(0), table.diagonal()
        return {
            "images": images,
            "right": right,
            "answers": answers,
            "recall": ratio(right, images),
            "precision": np.where(answers > 0, ratio(right, answers), 0.0),
            "f1": ratio(2 * right, images + answers),
        }


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else math.nan
