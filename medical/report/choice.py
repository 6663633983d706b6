"""Which cases are shown as pictures: the worst, some for comparison, and those whose masks may be wrong."""

import math
from dataclasses import dataclass

from medical.report.rows import Scored
from medical.report.suspects import WORTH_A_LOOK

WORST, COMPARED, SUSPECTS = 10, 3, 8
"""So many of each are shown at most."""


@dataclass(frozen=True)
class Choice:
    """Aliases of cases, no case in two of the first three."""

    worst: tuple[str, ...]
    """The worst first."""
    median: tuple[str, ...]
    """In the middle of all."""
    best: tuple[str, ...]
    """The best first."""
    suspects: tuple[str, ...]
    """The largest suspected error first; these may be among the others, too."""

    @property
    def pictured(self) -> tuple[str, ...]:
        """The cases that have pictures, whatever they are of."""
        return (*self.worst, *self.median, *self.best)


def choose(scored: Scored) -> Choice:
    """Chooses cases by their Dice; cases that are rightly empty have none, and are never shown.

    Args:
        scored: All cases.
    """
    dice = scored.table.case_dice()
    known = [alias for alias, value in dice.items() if math.isfinite(value)]
    ranked = sorted(known, key=lambda alias: (dice[alias], alias))
    worst, rest = ranked[:WORST], ranked[WORST:]
    best = rest[::-1][:COMPARED]
    middle = [alias for alias in rest if alias not in best]
    # The middle of all cases, not of those that are left.
    start = max(0, len(ranked) // 2 - COMPARED // 2 - len(worst))
    median = middle[min(start, max(0, len(middle) - COMPARED)) :][:COMPARED]
    return Choice(tuple(worst), tuple(median), tuple(best), _suspects(scored))


def _suspects(scored: Scored) -> tuple[str, ...]:
    shares = {case.alias: case.suspect.share for case in scored.cases if case.suspect}
    worth = [alias for alias, share in shares.items() if share >= WORTH_A_LOOK]
    return tuple(sorted(worth, key=lambda alias: (-shares[alias], alias))[:SUSPECTS])
