"""What is wrong with a study, or worth knowing: how bad it is, where, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Severity = Literal["fatal", "warning", "note"]
"""fatal: training would be spoilt, or its scores; warning: they may suffer; note: what was assumed or seen."""

SEVERITIES: tuple[Severity, ...] = ("fatal", "warning", "note")


class Finding(NamedTuple):
    """One thing that was found."""

    severity: Severity
    name: str
    """A short name, the same for all findings of the kind."""
    what: str
    """A sentence."""
    where: tuple[str, ...] = ()
    """Files or cases, for the owner of the data only."""
    fix: str = ""
    """What to do, with the line of the settings where one helps."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the finding, ready for JSON."""
        return {**self._asdict(), "where": [*self.where]}


@dataclass(frozen=True)
class Findings:
    """All that was found, the worst first."""

    found: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing would spoil a training."""
        return not self.of("fatal")

    @property
    def counts(self) -> Mapping[Severity, int]:
        """Number of findings of each severity."""
        return {severity: len(self.of(severity)) for severity in SEVERITIES}

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Those of one severity."""
        return tuple(finding for finding in self.found if finding.severity == severity)


def ordered(found: Sequence[Finding]) -> Findings:
    """Puts the worst first, and keeps the order among others."""
    return Findings(tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))))
