"""How long a fold trains: a number of optimiser steps that is written down before the first of them."""

import json
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Self

from lumbar.training.checkpoint import write_json

ROUNDS = 10
"""Times that a training is looked at, and saved, at most: the epochs of the trainer."""
_SHORTEST_ROUND = 20
"""Steps, where there are as many: saving takes as long as some of them."""


@dataclass(frozen=True)
class Plan:
    """The training of one fold."""

    rounds: int
    """Epochs of the trainer, after each of which the curve gets a point."""
    steps_per_round: int
    """Optimiser steps of each."""
    seconds: float = 0.0
    """What it is expected to take, 0 where nobody has measured."""

    @classmethod
    def of(cls, steps: float, rounds: int = ROUNDS) -> Self:
        """Parts about so many steps into rounds of equal length.

        Args:
            steps: Optimiser steps; at least one is taken.
            rounds: The most rounds.
        """
        rounds = max(1, min(rounds, round(steps) // _SHORTEST_ROUND))
        return cls(rounds, max(1, round(steps / rounds)))

    @classmethod
    def of_passes(cls, passes: int, *, slices: int, patches_per_step: int) -> Self:
        """Parts so many passes over all slices."""
        return cls.of(ceil(passes * slices / patches_per_step))

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.rounds * self.steps_per_round

    def write(self, path: Path) -> None:
        """Writes the plan as JSON.

        Raises:
            UnwritableError: There is no room for it.
        """
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads what `write` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: no plan of a fold ({error}); delete its folder") from error
