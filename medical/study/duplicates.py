"""Cases that show the same, under other names: what a network has seen in training would be no test."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from medical.study.facts import CaseFacts, Survey
from medical.study.hashes import LEAST_LIKENESS, MOST_BITS, bits_of, likeness

_ROWS = 512
"""Of the table of distances that are held at once."""


class Duplicate(NamedTuple):
    """Two cases that show the same."""

    first: CaseFacts
    second: CaseFacts
    likeness: float
    """Of their detail; 1 where all pixels are the same."""

    @property
    def names(self) -> frozenset[str]:
        """Of the two cases."""
        return frozenset({self.first.name, self.second.name})

    @property
    def exact(self) -> bool:
        """Whether all pixels are the same."""
        return self.first.digest == self.second.digest

    @property
    def across_patients(self) -> bool:
        """Whether they count as different patients."""
        return self.first.patient != self.second.patient


def find_duplicates(survey: Survey) -> list[Duplicate]:
    """Compares all cases with all others: by their hashes, and where these are close, by their detail.

    Returns:
        The pairs, those across patients and the most alike first.
    """
    cases = survey.facts
    found = []
    for first, second in _close([case.perceptual_hash for case in cases]):
        pair = cases[first], cases[second]
        alike = likeness(*(survey.details[case.alias] for case in pair))
        exact = pair[0].digest == pair[1].digest
        if exact or alike >= LEAST_LIKENESS:
            found.append(Duplicate(*pair, 1.0 if exact else min(alike, 1.0)))
    return sorted(found, key=lambda pair: (not pair.across_patients, -pair.likeness))


def _close(hashes: list[str]) -> Iterator[tuple[int, int]]:
    """Pairs of places of hashes that differ in few bits; those of pictures and of scans are not compared."""
    for length in sorted({*map(len, hashes)} - {0}):
        places = np.array([place for place, own in enumerate(hashes) if len(own) == length])
        signs = np.stack([bits_of(hashes[place]) for place in places]) * np.float32(2) - 1
        count = signs.shape[1]
        for start in range(0, len(places), _ROWS):
            agreeing = signs[start : start + _ROWS] @ signs.T
            rows, columns = np.nonzero(agreeing >= count * (1 - 2 * MOST_BITS))
            for row, column in zip(rows + start, columns, strict=True):
                if row < column:
                    yield int(places[row]), int(places[column])
