"""From the names of a zoo to ours, with an account of every tensor."""

import re
from collections.abc import Mapping
from typing import NamedTuple, Self

import torch
from torch import Tensor

from backbones.files import State, few
from backbones.zoo import Layout, our_name

_COUNTER = "num_batches_tracked"


class Translation(NamedTuple):
    """The tensors of a file under our names, and what became of each."""

    source: str
    zoo: str
    state: State
    origins: Mapping[str, str]
    """The names in the file, by ours."""
    notes: Mapping[str, tuple[str, ...]]
    """What was done, and to which tensors."""

    @classmethod
    def of(cls, state: Mapping[str, Tensor], layout: Layout, source: str) -> Self:
        """Renames tensors.

        Args:
            state: Of any shape, scalar included, by the layout's names.
            layout: The names.
            source: Where they come from, for messages.

        Raises:
            ValueError: Two tensors would have one name.
        """
        left: dict[str, list[str]] = {}
        origins: dict[str, str] = {}
        for name in state:
            ours = our_name(name, layout)
            if reason := _reason(name, layout):
                left.setdefault(f"left out, {reason}", []).append(name)
            elif ours in origins:
                raise ValueError(f"{source}: {origins[ours]} and {name} mean the same tensor")
            else:
                origins[ours] = name
        taken = {ours: state[theirs] for ours, theirs in origins.items()}
        notes = {what: tuple(names) for what, names in left.items()}
        return cls(source, layout.zoo, taken, origins, notes)

    def noted(self, what: str, *names: str) -> Self:
        """With one more note."""
        return self._replace(notes={**self.notes, what: names})

    def changed(self, how: str, tensors: Mapping[str, Tensor]) -> Self:
        """With these tensors instead, and a note of it.

        Args:
            how: What was done to them.
            tensors: Of any shape, scalar included, by our names.
        """
        return self._replace(state={**self.state, **tensors}).noted(how, *tensors)

    def without(self, why: str, *names: str) -> Self:
        """Without these tensors of ours, and a note of it."""
        left = {name: value for name, value in self.state.items() if name not in names}
        origins = (self.origins.get(name, name) for name in names)
        return self._replace(state=left).noted(f"left out, {why}", *origins)

    def completed(self, expected: Mapping[str, Tensor], network: str) -> Self:
        """The tensors of this network, no more and no fewer.

        Counters of batches, which nothing depends on, may be missing or too many.

        Args:
            expected: Its state, of any shape, scalar included; the values do not matter.
            network: What it is, for messages.

        Raises:
            ValueError: Some tensor has no place, is missing, or has another shape.
        """
        counters = [name for name in self.state if _COUNTER in name and name not in expected]
        whole = self.without("counters of batches", *counters) if counters else self
        new = {name: torch.zeros((), dtype=torch.int64) for name in expected if _COUNTER in name}
        whole = whole._replace(state=new | whole.state)
        if problems := _problems(whole, expected):
            raise ValueError(
                f"{self.source}: names as by {self.zoo}, but not a {network}; {'; '.join(problems)}"
            )
        return whole

    def __str__(self) -> str:
        """A line of counts, then a line for each note."""
        taken = self.origins.keys() & self.state.keys()
        lines = [f"{self.source}: {len(taken)} tensors taken, named as by {self.zoo}"]
        for what, names in self.notes.items():
            lines.append(f"  {what}" + (f" ({len(names)}): {few(names)}" if names else ""))
        return "\n".join(lines)


def _problems(translation: Translation, expected: Mapping[str, Tensor]) -> list[str]:
    state, origins = translation.state, translation.origins
    shapes = {name: tuple(value.shape) for name, value in expected.items()}
    problems = {
        "without a place there": [origins.get(name, name) for name in state if name not in shapes],
        "missing": [name for name in shapes if name not in state],
        "of another shape": [
            f"{origins.get(name, name)} is {tuple(value.shape)} and not {shapes[name]}"
            for name, value in state.items()
            if shapes.get(name, tuple(value.shape)) != tuple(value.shape)
        ],
    }
    return [f"{len(names)} {what}: {few(names)}" for what, names in problems.items() if names]


def _reason(name: str, layout: Layout) -> str | None:
    return next((why for what, why in layout.unneeded.items() if re.search(what, name)), None)
